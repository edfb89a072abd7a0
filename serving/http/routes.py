"""The routes of the API: predict one movie or many, predict with other features, find movies by title."""

import re
from collections import Counter
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from serving.core.answer import Answer, render
from serving.core.cooperative import yielding_to_loop
from serving.core.errors import PredictionError
from serving.core.requested_id import PATTERN, shorten
from serving.core.requests import (
    LONGEST_QUERY,
    MOST_FOUND,
    USUALLY_FOUND,
    BatchRequest,
    MalformedRequest,
    SearchRequest,
    WhatIfRequest,
)
from serving.deployments.watcher import DeploymentWatcher
from serving.http.openapi.responses import BATCH_RESPONSES, MOVIES_RESPONSES, PREDICT_RESPONSES, WHAT_IF_RESPONSES
from serving.http.predict import SOURCE_HEADERS, PredictEndpoint
from serving.http.replies import SEARCH_PATH, make_response, reply
from serving.http.schemas import Movies, Prediction, Predictions, WhatIf
from serving.http.strict_json import StrictJsonRoute
from serving.prediction.batch import FOUND, NOTHING_FOUND, answer_batch, answer_what_if, compute_outcome, search_movies
from serving.prediction.service import PredictionService

_LIMIT = re.compile("0|[1-9][0-9]{0,8}", re.ASCII)


def document_request_id(
    x_request_id: Annotated[
        str | None, Header(description="Echoed if it matches `[A-Za-z0-9-]{1,64}`; else a new one is made.")
    ] = None,
) -> None:
    """Add the header to the OpenAPI document; the middleware reads it."""


def reject_repeated(request: Request) -> None:
    """Raise MalformedRequest when `query` or `limit` occurs twice: FastAPI would silently use the last one."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace")
    counts = Counter(name for name, _ in pairs)
    for name in SearchRequest.model_fields:
        if counts[name] > 1:
            last = [value for key, value in pairs if key == name][-1]
            problem = {"type": "too_long", "loc": [name], "msg": f"Give {name} once", "input": shorten(last)}
            raise MalformedRequest([problem])


def parse_limit(text: object) -> object:
    """Return a number in ASCII digits as an int. Raise for 1.0, blanks and other digits, which FastAPI would accept."""
    if isinstance(text, str):
        if not _LIMIT.fullmatch(text):
            raise PydanticCustomError("int_parsing", "Input should be a whole number in ASCII digits")
        return int(text)
    return text


MovieIdQuery = Annotated[
    str,
    Query(
        description="An IMDb id (`tt0111161`), or a TMDB id as a bare integer (`278`). Give it once, in ASCII digits.",
        pattern=PATTERN,
        openapi_examples={"IMDb id": {"value": "tt0111161"}, "TMDB id": {"value": "278"}},
    ),
]
TitleQuery = Annotated[
    str,
    Query(
        description="Words of the title; the last one may be unfinished. Case and accents do not matter. Give it once.",
        min_length=1,
        max_length=LONGEST_QUERY,
        pattern=r"\S",
        openapi_examples={"words": {"value": "shawshank redem"}},
    ),
]
Limit = Annotated[int, Query(description="The maximum number of movies.", ge=1, le=MOST_FOUND), BeforeValidator(parse_limit)]


def make_prediction_router(
    service: PredictionService, deployments: DeploymentWatcher, predict_endpoint: PredictEndpoint
) -> APIRouter:
    """Return the prediction and search routes, which use this service."""
    router = APIRouter(route_class=StrictJsonRoute, dependencies=[Depends(document_request_id)])

    @router.head("/predict", include_in_schema=False)
    @router.get(
        "/predict",
        response_model=Prediction,
        responses=PREDICT_RESPONSES,
        tags=["prediction"],
        summary="Predict one movie's rating",
    )
    async def predict(request: Request, movie_id: MovieIdQuery) -> Response:
        """Predict this movie's rating with the champion model from its live feature row."""
        return make_response(*await predict_endpoint.answer(request.scope))

    @router.post(
        "/predict",
        response_model=Predictions,
        responses=BATCH_RESPONSES,
        tags=["prediction"],
        summary="Predict many movies' ratings",
    )
    async def predict_batch(request: Request, batch: BatchRequest) -> Response:
        """Predict the ratings of up to 1,000 movies.

        A movie that cannot be predicted gets a reason instead; the others are still predicted. The header X-Feature-Source lists
        the sources of the predictions. The body is always read as JSON, and its Content-Type is ignored; repeated names, NaN and
        unknown fields are rejected.
        """
        entries = await answer_batch(service, batch, "batch")
        sources = sorted({entry.source for entry in entries if isinstance(entry, Answer)})
        headers = [(b"x-feature-source", ", ".join(sources).encode())] if sources else []
        predictions = [
            render(entry) if isinstance(entry, Answer) else render_error(str(requested_id), entry)
            async for requested_id, entry in yielding_to_loop(zip(batch.movie_ids, entries, strict=True))
        ]
        return reply(request, compute_outcome(entries), {"predictions": predictions}, headers)

    @router.post(
        "/whatif",
        response_model=WhatIf,
        tags=["prediction"],
        responses=WHAT_IF_RESPONSES,
        summary="Predict a movie's rating with other features",
    )
    async def what_if(request: Request, what_if: WhatIfRequest) -> Response:
        """Predict this movie's rating with the champion model as if these features had these values.

        The other features keep the movie's own values. `out_of_range` lists the values outside the range of the training rows.
        """
        found = await answer_what_if(service, what_if)
        request.scope["prediction_id"] = found.answer.prediction_id
        more = {
            "rating_as_it_is": found.rating_as_it_is,
            "overrides": what_if.overrides,
            "out_of_range": [override._asdict() for override in found.out_of_range],
        }
        return reply(request, found.answer.source, render(found.answer) | more, [SOURCE_HEADERS[found.answer.source]])

    @router.head(SEARCH_PATH, include_in_schema=False, dependencies=[Depends(reject_repeated)])
    @router.get(
        SEARCH_PATH,
        response_model=Movies,
        responses=MOVIES_RESPONSES,
        dependencies=[Depends(reject_repeated)],
        tags=["movies"],
        summary="Find movies by title",
    )
    async def find_movies(request: Request, query: TitleQuery, limit: Limit = USUALLY_FOUND) -> Response:
        """Find movies of the prediction set by title; /predict accepts their ids.

        Exact titles come first, then titles that start with the text, then those with all its words, then those that contain
        it; within each of these, the movies with the most votes. Case, accents and spelling variants do not matter.
        """
        movies = search_movies(deployments, SearchRequest(query=query, limit=limit))
        found = [{"movie_id": m.movie_id, "tmdb_id": m.tmdb_id, "title": m.title, "year": m.year} for m in movies]
        return reply(request, FOUND if found else NOTHING_FOUND, {"movies": found}, [])

    return router


def render_error(requested_id: str, error: PredictionError) -> dict[str, Any]:
    """Return the batch entry of a movie without a prediction."""
    return {"movie_id": requested_id, "detail": str(error), "reason": error.reason}
