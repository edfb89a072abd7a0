"""Invented receipts, and counters for one test."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter

from serving.core.provenance import Provenance
from serving.receipts.receipt import PredictionIds, Receipt

IDS = PredictionIds()
AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
PROVENANCE = Provenance(
    deployment=17,
    model_name="movie-rating",
    model_version="3",
    model_sha256="a" * 64,
    release_sha256="b" * 64,
    feature_set="marquee_20261122_aaaaaaaaaaaa",
    snapshot_id="8541223904412345678",
)


def invent_features(width: int, seed: int = 1) -> NDArray[np.float32]:
    """A row with a third of its values unknown."""
    random = np.random.default_rng(seed)
    row = random.normal(scale=1e3, size=width).astype(np.float32)
    row[random.random(width) < 0.3] = np.nan
    return row


def invent_receipt(**fields: Any) -> Receipt:
    usual = Receipt(
        prediction_id=IDS.next(),
        predicted_at=1795305600.123456,
        endpoint="predict",
        source="fresh",
        movie_id="tt0111161",
        rating=7.1235,
        model_output=float(np.float32(7.12345)),
        provenance=PROVENANCE,
        features_as_of=AS_OF,
        features=invent_features(60),
        overrides=None,
    )
    return usual._replace(**fields)


def new_counter() -> Counter:
    return Counter("counted", "In one test.", registry=None)


def count(counter: Counter) -> float:
    """Return the value that a scrape would read."""
    return next(sample.value for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total"))
