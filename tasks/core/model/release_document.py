"""Writes release.json, the document that describes a model version to the API."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.core.model.evaluation import Evaluation
from tasks.core.model.onnx_model import Floats, predict_onnx, to_matrix
from tasks.core.model.training import Split
from tasks.core.rating import HIGHEST_RATING, LOWEST_RATING

RELEASE_FORMAT = 1
"""The version of the format; part of the training id, so that a model with an older document is trained again."""
GOLDEN_ROWS = 32
"""Rows that the API runs through the model, to check that it rates as it did in training."""


@dataclass(frozen=True)
class Origin:
    """The names and digests of what a model was trained from."""

    model: str
    """The registered model."""
    feature_service: str
    feature_set: str
    """The newest feature set that was ready when the model was trained."""
    schema_hash: str
    snapshot_id: str
    day: date
    training_id: str


def describe_release(split: Split, evaluation: Evaluation, origin: Origin) -> dict[str, object]:
    """Return release.json: the model's origin, the sha256 of its file, its scores, the ranges of its features, golden rows.

    `ranges`: the least and the greatest known value of each feature among the training rows. `golden`: feature rows in the
    model's column order, null for unknown, and the ratings that the exported model gives them: float32 values, both.
    """
    golden = pick_golden_rows(to_matrix(split.test, split.features), evaluation.exported)
    return {
        "model": origin.model,
        "files": {"model.onnx": hashlib.sha256(evaluation.exported).hexdigest()},
        "feature_service": origin.feature_service,
        "feature_set": origin.feature_set,
        "schema_hash": origin.schema_hash,
        "training_snapshot": origin.snapshot_id,
        "training_day": origin.day.isoformat(),
        "training_id": origin.training_id,
        "metrics": {name: value for name, value in compute_metrics(evaluation).items() if math.isfinite(value)},
        "ranges": compute_ranges(split.train, split.features),
        "golden": {
            "features": [[None if math.isnan(value) else value for value in row] for row in golden.tolist()],
            "ratings": predict_onnx(evaluation.exported, golden).tolist(),
        },
    }


def render_release(release: dict[str, object]) -> bytes:
    """Return the bytes of the document that its digest is computed from."""
    return json.dumps(release, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def compute_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return each score as part_name, and the share by which the model's RMSE is below the constant baseline's."""
    scores = {f"{part}_{name}": value for part, score in evaluation.scores.items() for name, value in asdict(score).items()}
    return scores | {"gain_over_baseline": 1 - evaluation.scores["test"].rmse / evaluation.scores["baseline"].rmse}


def compute_ranges(rows: pl.DataFrame, features: tuple[str, ...]) -> dict[str, list[float]]:
    known = rows.select(pl.col(features).fill_nan(None))
    return {name: [float(known[name].min()), float(known[name].max())] for name in features}  # type: ignore[arg-type]  # of any column


def pick_golden_rows(rows: Floats, exported: bytes) -> Floats:
    """Return a row of unknown values and rows spread evenly over `rows`, without those that get no rating from 1 to 10.

    The API rejects any other output. There are fewer than GOLDEN_ROWS if there are fewer `rows`.
    """
    spread = np.unique(np.linspace(0, len(rows) - 1, GOLDEN_ROWS - 1).round().astype(int))
    candidates = np.vstack([np.full((1, rows.shape[1]), np.nan, np.float32), rows[spread]])
    ratings: NDArray[np.float64] = predict_onnx(exported, candidates)
    golden: Floats = candidates[(ratings >= LOWEST_RATING) & (ratings <= HIGHEST_RATING)]
    return golden
