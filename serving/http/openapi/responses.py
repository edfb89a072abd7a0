"""The OpenAPI responses of each route, with an example body for each reason."""

from typing import Any

from serving.core.requested_id import MalformedQuery, parse_requested_id
from serving.core.requests import BatchRequest, SearchRequest, WhatIfRequest
from serving.http.openapi.examples import (
    ID,
    PREDICTED,
    PUBLISHED,
    REQUEST_ID_HEADER,
    SOURCE_HEADER,
    UNAVAILABLE,
    json_examples,
    malformed,
    malformed_request,
    unavailable,
    unknown,
)

Responses = dict[int | str, dict[str, Any]]

_UNKNOWN = "no movie tt9999999 in the published features of 2026-11-22"
_ENTRIES = [
    {name: value for name, value in PREDICTED.items() if name != "request_id"},
    {"movie_id": "tt9999999", "detail": _UNKNOWN, "reason": "unknown_movie"},
]
_OVERRIDES = {"budget_millions": 1000.0, "genre_drama": None}
_BEYOND = [{"feature": "budget_millions", "value": 1000.0, "lowest": 0.001, "highest": 460.0}]
_WHAT_IF = PREDICTED | {"rating": 8.1093, "rating_as_it_is": 8.4127, "overrides": _OVERRIDES, "out_of_range": _BEYOND}
_MOVIE = {"movie_id": "tt0111161", "tmdb_id": 278, "title": "The Shawshank Redemption", "year": 1994}
_UNKNOWN_FEATURE = {
    "type": "unknown_feature",
    "loc": ["body", "overrides", "budget"],
    "msg": "the served model reads no feature 'budget'; it reads budget_millions, genre_drama, runtime_minutes",
    "input": 200.0,
}


def malformed_example() -> dict[str, Any]:
    """Return the answer to a malformed id, from the service's own parser."""
    try:
        parse_requested_id("tt12")
    except MalformedQuery as wrong:
        return {"detail": wrong.problems, "request_id": ID}
    raise AssertionError("tt12 is malformed")


PREDICT_RESPONSES: Responses = {
    200: {
        "description": "The prediction",
        "headers": REQUEST_ID_HEADER | SOURCE_HEADER,
        **json_examples(("fresh", PREDICTED), ("prediction_set", PUBLISHED)),
    },
    404: unknown("no movie tt9999999 in the published features of 2026-11-22"),
    422: malformed("The id is missing, repeated or malformed", ("malformed", malformed_example())),
    503: unavailable(*UNAVAILABLE.items()),
}
BATCH_RESPONSES: Responses = {
    200: {
        "description": "One entry for each id, in order: a prediction, or the reason for its absence",
        "headers": REQUEST_ID_HEADER | SOURCE_HEADER,
        **json_examples(("one is unknown", {"predictions": _ENTRIES, "request_id": ID})),
    },
    422: malformed(
        "The body is malformed; `loc` names the place",
        ("malformed id", malformed_request(BatchRequest, {"movie_ids": ["tt0111161", "tt12"]}, "body")),
        ("no ids", malformed_request(BatchRequest, {"movie_ids": []}, "body")),
    ),
    503: unavailable(*UNAVAILABLE.items()),
}
WHAT_IF_RESPONSES: Responses = {
    200: {
        "description": "The prediction with the overrides",
        "headers": REQUEST_ID_HEADER | SOURCE_HEADER,
        **json_examples(("one is out of range", _WHAT_IF)),
    },
    404: unknown(_UNKNOWN),
    422: malformed(
        "The body is malformed, or the served model does not have the feature; `loc` names the place",
        ("unknown feature", {"detail": [_UNKNOWN_FEATURE], "request_id": ID}),
        ("no number", malformed_request(WhatIfRequest, {"movie_id": 278, "overrides": {"genre_drama": True}}, "body")),
    ),
    503: unavailable(*UNAVAILABLE.items()),
}
MOVIES_RESPONSES: Responses = {
    200: {
        "description": "The movies whose titles match; the list may be empty",
        "headers": REQUEST_ID_HEADER,
        **json_examples(("found", {"movies": [_MOVIE], "request_id": ID}), ("nothing found", {"movies": [], "request_id": ID})),
    },
    422: malformed(
        "The query is missing, empty, too long or repeated, or the limit is not a number in its range",
        ("empty", malformed_request(SearchRequest, {"query": ""}, "query")),
        ("limit", malformed_request(SearchRequest, {"query": "shawshank", "limit": 51}, "query")),
    ),
    503: unavailable(("no_prediction_set", "there is no prediction set: S3_BUCKET is not set")),
}
