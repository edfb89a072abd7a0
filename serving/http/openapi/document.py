"""The OpenAPI document: what is served outside FastAPI's routing is documented inside it all the same."""

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query
from fastapi.openapi.utils import get_openapi

from serving.core.requested_id import PATTERN, MalformedQuery, parse_requested_id
from serving.http.openapi.examples import (
    ID,
    PREDICTED,
    REFUSED,
    REQUEST_ID_HEADER,
    SNAPSHOT,
    SOURCE_HEADER,
    json_examples,
    malformed,
    refused,
    unknown,
)
from serving.http.openapi.middleware import document_rejections
from serving.http.openapi.routes import AskedId, asked
from serving.http.schemas import Prediction

DESCRIPTION = """
Predicts a movie's IMDb rating from what is known before its release.

A prediction is made from one published feature row and one released model, both named in the answer. What is missing is never
made up: a film without a row is a 404; where the features cannot be read, the answer is the last published rating and says
so (`degraded`), or a 503 that names the missing part. Every answer carries the request id, in the header `X-Request-ID` and in
the body, and the id of its receipt.
"""


def malformed_example() -> dict[str, Any]:
    """The body that the service gives for a malformed id, made by the service's own parser."""
    try:
        parse_requested_id("tt12")
    except MalformedQuery as wrong:
        return {"detail": wrong.problems, "request_id": ID}
    raise AssertionError("tt12 is malformed")


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The prediction",
        "headers": REQUEST_ID_HEADER | SOURCE_HEADER,
        **json_examples(("fresh", PREDICTED), ("snapshot", SNAPSHOT)),
    },
    404: unknown("no movie tt9999999 in the published features of 2026-11-22"),
    422: malformed("The id is missing, repeated or malformed", ("malformed", malformed_example())),
    503: refused(*REFUSED.items()),
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
    x_request_id: AskedId = None,
) -> Prediction:
    """The rating that the champion model expects of this film, from its live feature row."""
    # Never called: the short path answers before the routing. Were it ever reached, a wrong answer would be worse than this.
    raise NotImplementedError("serving.http.predict.PredictEndpoint answers; this function is its documentation")


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The whole document; FastAPI asks for it once and keeps it."""
    if app.openapi_schema is None:
        app.openapi_schema = document_rejections(
            get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=[*documented.routes, *asked.routes, *app.routes],
            )
        )
    return app.openapi_schema
