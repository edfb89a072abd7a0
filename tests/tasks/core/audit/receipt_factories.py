"""Receipts as the API would have written them, and the rows they point to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from tasks.core.audit.receipts import Receipt, Row
from tasks.core.model.onnx_model import predict_onnx
from tests.serving.tiny_models import FEATURES, export_onnx, train_boosting

AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
FEATURE_SET = "movies_20261122_0123456789ab_01234567"
MOVIES = 40
RECEIPT = Receipt(
    prediction_id="",
    predicted_at=AS_OF,
    endpoint="predict",
    source="fresh",
    movie_id="",
    rating=0.0,
    model_output=0.0,
    model_version="1",
    model_sha256="",
    release_sha256=None,
    feature_set=FEATURE_SET,
    snapshot_id="7301",
    features_as_of=AS_OF,
    features=None,
    overrides=None,
)


@cache
def make_model() -> bytes:
    return export_onnx(train_boosting())


def make_rows() -> dict[str, Row]:
    """Offline rows with doubles and unknown values, as polars gives them."""
    random = np.random.default_rng(11)
    values = random.normal(size=(MOVIES, len(FEATURES))).round(3)
    unknown = random.random(values.shape) < 0.2
    rows: dict[str, Row] = {}
    for movie in range(MOVIES):
        features = {
            name: None if unknown[movie, column] else float(values[movie, column]) for column, name in enumerate(FEATURES)
        }
        rows[f"tt{movie:07d}"] = {"movie_id": f"tt{movie:07d}", "event_timestamp": AS_OF, "other": 1.0, **features}
    return rows


def make_receipt(number: int, row: Row, **changed: Any) -> Receipt:
    """The receipt of an answer made of the row, and of what is overridden."""
    values = {**row, **(changed.get("overrides") or {})}
    features = as_floats([values[name] for name in FEATURES])
    output = float(np.float32(predict_onnx(make_model(), np.array([features], np.float32))[0]))
    made = replace(
        RECEIPT,
        prediction_id=f"{number:032x}",
        movie_id=str(row["movie_id"]),
        features=features,
        model_output=output,
        rating=round(output, 4),
    )
    return replace(made, **changed)


def as_floats(values: Sequence[float | None]) -> list[float]:
    """As Postgres gives a real[] back."""
    return [float(np.float32(np.nan if value is None else value)) for value in values]
