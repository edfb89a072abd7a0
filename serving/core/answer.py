"""The answer to a prediction request; HTTP and gRPC only render it."""

from datetime import datetime
from typing import Any, NamedTuple

from serving.core.provenance import Provenance

FRESH, STALE, PREDICTION_SET = "fresh", "stale", "prediction_set"
SOURCES = (FRESH, STALE, PREDICTION_SET)
"""Sources of an answer: the live features; the live features when they are too old; the published prediction on local disk."""


class Answer(NamedTuple):
    """A rating with the data and model it was made from, and the age of that data."""

    prediction_id: str
    movie_id: str
    title: str | None
    rating: float
    provenance: Provenance
    source: str
    stale: bool
    age_seconds: int
    """Seconds since the day that the features describe began, UTC."""
    as_of: datetime


def render(answer: Answer) -> dict[str, Any]:
    """Return the body of an answer, without the request id. `schemas.Prediction` documents it, and a test compares the two."""
    return {
        "prediction_id": answer.prediction_id,
        "deployment": answer.provenance.deployment,
        "movie_id": answer.movie_id,
        "title": answer.title,
        "rating": answer.rating,
        "model": {"name": answer.provenance.model_name, "version": answer.provenance.model_version},
        "feature_source": answer.source,
        "stale": answer.stale,
        "degraded": answer.source == PREDICTION_SET,
        "feature_age_seconds": answer.age_seconds,
        "features_as_of": answer.as_of,
    }
