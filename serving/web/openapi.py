"""The OpenAPI document: /predict is served outside FastAPI's routing, and documented inside it all the same."""

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Query
from fastapi.openapi.utils import get_openapi

from serving.movie_id import PATTERN, MalformedQuery, parse_movie_id
from serving.web.schemas import Prediction, Problem, ValidationProblem

DESCRIPTION = """
Predicts a movie's IMDb rating from what is known before its release.

A prediction is made from one published feature row and one released model, both named in the answer. What is missing is never
made up: a film without a row is a 404; where the features cannot be read, the answer is the last published rating and says
so (`degraded`), or a 503 that names the missing part. Every answer carries the request id, in the header `X-Request-ID` and in
the body, and the id of its receipt.
"""

_ID = "6f1d0c5e8a3b4f7c9d2e1a0b5c4d3e2f"
_PREDICTED = {
    "prediction_id": "019abc0b5c4d3e2f6f1d0c5e8a3b4f7c",
    "movie_id": "tt0111161",
    "title": "The Shawshank Redemption",
    "rating": 8.4127,
    "model": {"name": "movie-rating", "version": "3"},
    "feature_source": "fresh",
    "stale": False,
    "degraded": False,
    "feature_age_seconds": 40215,
    "features_as_of": "2026-11-22T00:00:00Z",
    "request_id": _ID,
}
_SNAPSHOT = _PREDICTED | {"feature_source": "snapshot", "degraded": True}
_REFUSED = {
    "no_model": "no model is loaded: no version of movie-rating is champion yet; run the DAG train_model",
    "no_feature_set": "no feature set is published yet; run the DAG refresh_movies",
    "feature_store_unavailable": "the feature store does not answer within 0.1 s",
    "corrupt_features": "feature 'runtime_minutes' is not a double",
    "implausible_rating": "the model's output nan is not a rating from 1 to 10",
}


def malformed_example() -> dict[str, Any]:
    """The body that the service gives for a malformed id, made by the service's own parser."""
    try:
        parse_movie_id("tt12")
    except MalformedQuery as malformed:
        return {"detail": malformed.problems, "request_id": _ID}
    raise AssertionError("tt12 is malformed")


def _json(*examples: tuple[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"examples": {name: {"value": value} for name, value in examples}}}}


_REQUEST_ID_HEADER = {"X-Request-ID": {"description": "The request's id.", "schema": {"type": "string"}}}
_SOURCE_HEADER = {"X-Feature-Source": {"description": "fresh, stale or snapshot.", "schema": {"type": "string"}}}
_RETRY_HEADER = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The prediction",
        "headers": _REQUEST_ID_HEADER,
        **_json(("fresh", _PREDICTED), ("snapshot", _SNAPSHOT)),
    },
    404: {
        "model": Problem,
        "description": "No feature row for this id",
        "headers": _REQUEST_ID_HEADER,
        **_json(
            (
                "unknown",
                {
                    "detail": "no film tt9999999 in the published features of 2026-11-22",
                    "reason": "unknown_movie",
                    "request_id": _ID,
                },
            )
        ),
    },
    422: {
        "model": ValidationProblem,
        "description": "The id is missing, repeated or malformed",
        "headers": _REQUEST_ID_HEADER,
        **_json(("malformed", malformed_example())),
    },
    503: {
        "model": Problem,
        "description": "No honest answer is possible now; `reason` says which part is missing",
        "headers": _REQUEST_ID_HEADER | _RETRY_HEADER,
        **_json(*((reason, {"detail": said, "reason": reason, "request_id": _ID}) for reason, said in _REFUSED.items())),
    },
}

documented = APIRouter(tags=["prediction"])


@documented.get("/predict", summary="Predict one film's rating", responses=RESPONSES)
async def predict(
    movie_id: Annotated[
        str,
        Query(
            description="An IMDb id (`tt0111161`), or a TMDB id as a bare integer (`278`). Give it once, in ASCII digits.",
            pattern=PATTERN,
            openapi_examples={"IMDb id": {"value": "tt0111161"}, "TMDB id": {"value": "278"}},
        ),
    ],
    x_request_id: Annotated[
        str | None, Header(description="Echoed if it matches `[A-Za-z0-9-]{1,64}`; else a new one is made.")
    ] = None,
) -> Prediction:
    """The rating that the champion model expects of this film, from its live feature row."""
    # Never called: the short path answers before the routing. Were it ever reached, a wrong answer would be worse than this.
    raise NotImplementedError("serving.web.predict.PredictEndpoint answers; this function is its documentation")


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The whole document; FastAPI asks for it once and keeps it."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=[*documented.routes, *app.routes],
        )
    return app.openapi_schema
