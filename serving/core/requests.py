"""Requests other than a single prediction, checked here for HTTP and gRPC, so that both reject the same requests."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from serving.core.requested_id import MAX_TMDB_ID, PATTERN, MalformedQuery, RequestedId, parse_requested_id, shorten

MOST_MOVIES, MOST_OVERRIDES, MOST_FOUND, USUALLY_FOUND = 1000, 100, 50, 10
LONGEST_QUERY, LONGEST_NAME = 200, 100
"""Limits in characters."""
MOST_PROBLEMS = 20
"""Maximum problems that the answer to a malformed request lists."""
LARGEST_NUMBER = float(np.finfo(np.float32).max)
"""Largest number that fits the model's 32-bit input."""
EXACT = 2**53
"""Every JSON reader reads whole numbers below this exactly."""

Problem = dict[str, Any]


class MalformedRequest(Exception):
    """Error for a malformed request. `problems` has the shape of FastAPI's validation errors, without the first word of `loc`;
    the message is one line."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        super().__init__(f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": "))
        self.problems = problems


def parse_body_id(value: object) -> RequestedId:
    """Parse an id in a body: a string as in GET /predict, or a TMDB id as a whole number. Raise PydanticCustomError."""
    try:
        if isinstance(value, str):
            return parse_requested_id(value)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_TMDB_ID:
            return RequestedId(tmdb_id=value)
        parse_requested_id("")
    except MalformedQuery as malformed:
        (problem,) = malformed.problems
        raise PydanticCustomError(problem["type"], problem["msg"], problem["ctx"]) from None
    raise AssertionError("the empty text is not an id")


BodyId = Annotated[
    RequestedId,
    PlainValidator(parse_body_id),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": PATTERN}, {"type": "integer", "minimum": 1, "maximum": MAX_TMDB_ID}],
            "description": 'An IMDb id (`tt0111161`), or a TMDB id as a number (`278`) or in ASCII digits (`"278"`).',
            "examples": ["tt0111161", 278],
        }
    ),
]


def widen(value: object) -> object:
    """Return a whole number as a float; leave other values, and numbers that are too large, for validation to reject."""
    if isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("finite_number", "Input should be a finite number")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= int(LARGEST_NUMBER):
        return float(value)
    return value


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Number = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER, allow_inf_nan=False), BeforeValidator(widen)]


class ApiRequest(BaseModel):
    """Base of the requests: values are not converted, and unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def check(cls, request: object) -> Self:
        """Return the parsed request. Raise MalformedRequest."""
        try:
            return cls.model_validate(request)
        except ValidationError as error:
            raise MalformedRequest(explain(error.errors(include_url=False))) from None


class BatchRequest(ApiRequest):
    """Movies to predict in one request."""

    movie_ids: list[BodyId] = Field(
        min_length=1,
        max_length=MOST_MOVIES,
        description="Answered in this order; an id that is sent twice is answered twice.",
        examples=[["tt0111161", 278, "680"]],
    )


class WhatIfRequest(ApiRequest):
    """A movie to predict with some of its features changed."""

    movie_id: BodyId
    overrides: dict[Name, Number | None] = Field(
        min_length=1,
        max_length=MOST_OVERRIDES,
        description="Features of the served model, by name; null is unknown.",
        examples=[{"budget_millions": 200.0, "genre_drama": None}],
    )


class SearchRequest(ApiRequest):
    """A search for movies by title: its words, its beginning or any part of it."""

    query: str = Field(min_length=1, max_length=LONGEST_QUERY, pattern=r"\S")
    limit: int = Field(default=USUALLY_FOUND, ge=1, le=MOST_FOUND)


def explain(errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return the problems that pydantic found, without repeating long parts of the request."""
    problems = []
    for found in errors[:MOST_PROBLEMS]:
        parts = found["loc"][:-1] if found["loc"][-1:] == ("[key]",) and found["input"] == found["loc"][-2] else found["loc"]
        place = [shorten(part) if isinstance(part, str) else part for part in parts]
        problem: Problem = {"type": found["type"], "loc": place, "msg": found["msg"], "input": hint(found["input"])}
        problems.append(problem | ({"ctx": found["ctx"]} if "ctx" in found else {}))
    return problems


def hint(value: object) -> object:
    """Return a short form of a value in the request that can always be written as JSON."""
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, Mapping | list):
        return "{…}" if isinstance(value, Mapping) else "[…]"
    if isinstance(value, int | float) and not abs(value) < EXACT:  # NaN too
        return shorten(str(value))
    return value
