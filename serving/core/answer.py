"""One rating as all doors give it: HTTP and gRPC only render it."""

from datetime import datetime
from typing import Any, NamedTuple

FRESH, STALE, SNAPSHOT = "fresh", "stale", "snapshot"
SOURCES = (FRESH, STALE, SNAPSHOT)
"""Where an answer's features came from: the live set; the live set, too old; the last published ratings, on local disk."""


class Answer(NamedTuple):
    """What was predicted, from what, how old that is."""

    prediction_id: str
    movie_id: str
    title: str | None
    rating: float
    model_name: str
    model_version: str
    source: str
    stale: bool
    age_seconds: int
    """Since the day that the features describe began, UTC."""
    as_of: datetime


def render(answer: Answer) -> dict[str, Any]:
    """The body of an answer, but for the request's id; `schemas.Prediction` documents it and a test holds the two together."""
    return {
        "prediction_id": answer.prediction_id,
        "movie_id": answer.movie_id,
        "title": answer.title,
        "rating": answer.rating,
        "model": {"name": answer.model_name, "version": answer.model_version},
        "feature_source": answer.source,
        "stale": answer.stale,
        "degraded": answer.source == SNAPSHOT,
        "feature_age_seconds": answer.age_seconds,
        "features_as_of": answer.as_of,
    }
