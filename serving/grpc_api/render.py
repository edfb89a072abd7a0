"""Renders answers as protobuf messages."""

from collections.abc import Mapping

from serving.core.answer import PREDICTION_SET, Answer
from serving.core.errors import PredictionError
from serving.core.requested_id import RequestedId
from serving.grpc_api import marquee_pb2 as messages
from serving.prediction.what_if import WhatIf
from serving.prediction_set.database import PublishedMovie


def render(answer: Answer, request_id: str = "") -> messages.Prediction:
    """Return the answer as a message, with the same fields as `serving.core.answer.render` returns for HTTP."""
    return messages.Prediction(
        prediction_id=answer.prediction_id,
        deployment=answer.provenance.deployment,
        movie_id=answer.movie_id,
        title=answer.title,
        rating=answer.rating,
        model=messages.Model(name=answer.provenance.model_name, version=answer.provenance.model_version),
        feature_source=answer.source,
        stale=answer.stale,
        degraded=answer.source == PREDICTION_SET,
        feature_age_seconds=answer.age_seconds,
        features_as_of=answer.as_of,
        request_id=request_id,
    )


def render_entry(requested_id: RequestedId, entry: Answer | PredictionError) -> messages.Outcome:
    """Return one entry of a batch."""
    if isinstance(entry, Answer):
        return messages.Outcome(prediction=render(entry))
    return messages.Outcome(refusal=messages.Refusal(movie_id=str(requested_id), detail=str(entry), reason=entry.reason))


def render_what_if(found: WhatIf, overrides: Mapping[str, float | None], request_id: str) -> messages.WhatIfResponse:
    """Return the message with the prediction and the overrides that it was made with."""
    return messages.WhatIfResponse(
        prediction=render(found.answer, request_id),
        rating_as_it_is=found.rating_as_it_is,
        overrides={name: messages.Override(value=value) for name, value in overrides.items()},
        out_of_range=[messages.OutOfRange(**override._asdict()) for override in found.out_of_range],
    )


def render_movie(movie: PublishedMovie) -> messages.Movie:
    """Return one movie that a search found."""
    return messages.Movie(movie_id=movie.movie_id, tmdb_id=movie.tmdb_id, title=movie.title, year=movie.year)
