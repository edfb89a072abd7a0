"""POST /predict, POST /whatif and GET /movies as the OpenAPI document has them; `questions.py` answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query

from serving.core.requests import (
    LONGEST_QUERY,
    MOST_FOUND,
    USUALLY_FOUND,
    BatchRequest,
    SearchRequest,
    WhatIfRequest,
)
from serving.http.openapi.examples import (
    ID,
    PREDICTED,
    REFUSED,
    REQUEST_ID_HEADER,
    SOURCE_HEADER,
    json_examples,
    malformed,
    malformed_request,
    refused,
    unknown,
)
from serving.http.schemas import Films, Predictions, WhatIf

AskedId = Annotated[str | None, Header(description="Echoed if it matches `[A-Za-z0-9-]{1,64}`; else a new one is made.")]

_UNKNOWN = "no movie tt9999999 in the published features of 2026-11-22"
_ENTRIES = [
    {name: value for name, value in PREDICTED.items() if name != "request_id"},
    {"movie_id": "tt9999999", "detail": _UNKNOWN, "reason": "unknown_movie"},
]
_OVERRIDES = {"budget_millions": 1000.0, "genre_drama": None}
_BEYOND = [{"feature": "budget_millions", "value": 1000.0, "lowest": 0.001, "highest": 460.0}]
_WHAT_IF = PREDICTED | {"rating": 8.1093, "rating_as_it_is": 8.4127, "overrides": _OVERRIDES, "out_of_range": _BEYOND}
_FILM = {"movie_id": "tt0111161", "tmdb_id": 278, "title": "The Shawshank Redemption", "year": 1994}
_UNKNOWN_FEATURE = {
    "type": "unknown_feature",
    "loc": ["body", "overrides", "budget"],
    "msg": "the served model reads no feature 'budget'; it reads budget_millions, genre_drama, runtime_minutes",
    "input": 200.0,
}

BATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An entry for each id, in order: a prediction, or why there is none",
        "headers": REQUEST_ID_HEADER | SOURCE_HEADER,
        **json_examples(("one is unknown", {"predictions": _ENTRIES, "request_id": ID})),
    },
    422: malformed(
        "The body is not what it should be; `loc` names the place",
        ("malformed id", malformed_request(BatchRequest, {"movie_ids": ["tt0111161", "tt12"]}, "body")),
        ("no ids", malformed_request(BatchRequest, {"movie_ids": []}, "body")),
    ),
    503: refused(*REFUSED.items()),
}
WHAT_IF_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The prediction with the overrides",
        "headers": REQUEST_ID_HEADER | SOURCE_HEADER,
        **json_examples(("one is out of range", _WHAT_IF)),
    },
    404: unknown(_UNKNOWN),
    422: malformed(
        "The body is not what it should be, or the served model does not have the feature; `loc` names the place",
        ("unknown feature", {"detail": [_UNKNOWN_FEATURE], "request_id": ID}),
        ("no number", malformed_request(WhatIfRequest, {"movie_id": 278, "overrides": {"genre_drama": True}}, "body")),
    ),
    503: refused(*REFUSED.items()),
}
MOVIES_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The films whose titles match, none perhaps",
        "headers": REQUEST_ID_HEADER,
        **json_examples(("found", {"movies": [_FILM], "request_id": ID}), ("nothing found", {"movies": [], "request_id": ID})),
    },
    422: malformed(
        "The query is missing, empty, too long or repeated, or the limit is no number in its range",
        ("empty", malformed_request(SearchRequest, {"query": ""}, "query")),
        ("limit", malformed_request(SearchRequest, {"query": "shawshank", "limit": 51}, "query")),
    ),
    503: refused(("no_catalogue", "there is no catalogue of films yet; run the DAG predict_all")),
}

asked = APIRouter(tags=["prediction"])
# None of these functions is ever called: plain routes answer, which check more than FastAPI would. See openapi.predict.


@asked.post("/predict", summary="Predict many films' ratings", responses=BATCH_RESPONSES)
async def predict_batch(question: Annotated[BatchRequest, Body()], x_request_id: AskedId = None) -> Predictions:
    """Ratings of up to 1,000 films from one look at the features and one run of the model.

    A film that cannot be rated has its reason in its place, and the others are rated; the header X-Feature-Source lists the
    sources that occur. The body is read as JSON whatever its Content-Type; repeated names, NaN and unknown fields are refused.
    """
    raise NotImplementedError("serving.http.routes answers; this function is its documentation")


@asked.post("/whatif", summary="Predict a film's rating with other features", responses=WHAT_IF_RESPONSES)
async def what_if(question: Annotated[WhatIfRequest, Body()], x_request_id: AskedId = None) -> WhatIf:
    """The rating that the champion model would expect of this film if these features had these values.

    The other features are the film's own. Values beyond those of the training rows are listed in `out_of_range`.
    """
    raise NotImplementedError("serving.http.routes answers; this function is its documentation")


@asked.get("/movies", summary="Find films by title", responses=MOVIES_RESPONSES, tags=["movies"])
async def find_movies(
    query: Annotated[
        str,
        Query(
            description="Words of the title; the last one may be unfinished. Case and accents do not matter. Give it once.",
            min_length=1,
            max_length=LONGEST_QUERY,
            pattern=r"\S",
            openapi_examples={"words": {"value": "shawshank redem"}},
        ),
    ],
    limit: Annotated[int, Query(description="At most so many films.", ge=1, le=MOST_FOUND)] = USUALLY_FOUND,
    x_request_id: AskedId = None,
) -> Films:
    """Films that were rated when all were last, the best match first: their ids are what /predict takes."""
    raise NotImplementedError("serving.http.routes answers; this function is its documentation")
