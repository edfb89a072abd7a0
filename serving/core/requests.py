"""What can be asked beside one film's rating, checked here for every door, so that all refuse alike."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from serving.core.requested_id import MAX_TMDB_ID, PATTERN, MalformedQuery, RequestedId, parse_requested_id, shorten

MOST_FILMS, MOST_OVERRIDES, MOST_FOUND, USUALLY_FOUND = 1000, 100, 50, 10
LONGEST_QUERY, LONGEST_NAME = 200, 100
"""Characters."""
MOST_PROBLEMS = 20
"""A refusal names at most so many of a question's faults."""
LARGEST_NUMBER = float(np.finfo(np.float32).max)
"""The model reads 32-bit numbers."""
EXACT = 2**53
"""Below it every JSON reader sees the whole number that was meant."""

Problem = dict[str, Any]


class MalformedRequest(Exception):
    """`problems` has the shape of FastAPI's own validation errors, but for the `loc`'s first word; the message is one line."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        super().__init__(f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": "))
        self.problems = problems


def parse_body_id(value: object) -> RequestedId:
    """An id in a body: a string as in GET /predict, or a TMDB id as a whole number."""
    try:
        if isinstance(value, str):
            return parse_requested_id(value)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_TMDB_ID:
            return RequestedId(tmdb_id=value)
        parse_requested_id("")
    except MalformedQuery as malformed:
        (problem,) = malformed.problems
        raise PydanticCustomError(problem["type"], problem["msg"], problem["ctx"]) from None
    raise AssertionError("the empty text is no id")


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
    """A whole number of any length as the number that it nearly is; too long ones stay what they are, and are refused."""
    if isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("finite_number", "Input should be a finite number")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= int(LARGEST_NUMBER):
        return float(value)
    return value


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Number = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER, allow_inf_nan=False), BeforeValidator(widen)]


class ApiRequest(BaseModel):
    """No conversions, no fields but these."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def check(cls, given: object) -> Self:
        """The question, if it is one; raises MalformedRequest."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise MalformedRequest(explain(error.errors(include_url=False))) from None


class BatchRequest(ApiRequest):
    """Films to rate in one go."""

    movie_ids: list[BodyId] = Field(
        min_length=1,
        max_length=MOST_FILMS,
        description="Answered in this order; one that is given twice is answered twice.",
        examples=[["tt0111161", 278, "680"]],
    )


class WhatIfRequest(ApiRequest):
    """A film to rate as if some of its features were others."""

    movie_id: BodyId
    overrides: dict[Name, Number | None] = Field(
        min_length=1,
        max_length=MOST_OVERRIDES,
        description="Features of the served model, by name; null is unknown.",
        examples=[{"budget_millions": 200.0, "genre_drama": None}],
    )


class SearchRequest(ApiRequest):
    """Words of a title."""

    query: str = Field(min_length=1, max_length=LONGEST_QUERY, pattern=r"\S")
    limit: int = Field(default=USUALLY_FOUND, ge=1, le=MOST_FOUND)


def explain(errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return what pydantic found wrong, without repeating more than a line of what was sent."""
    problems = []
    for found in errors[:MOST_PROBLEMS]:
        parts = found["loc"][:-1] if found["loc"][-1:] == ("[key]",) and found["input"] == found["loc"][-2] else found["loc"]
        place = [shorten(part) if isinstance(part, str) else part for part in parts]
        problem: Problem = {"type": found["type"], "loc": place, "msg": found["msg"], "input": hint(found["input"])}
        problems.append(problem | ({"ctx": found["ctx"]} if "ctx" in found else {}))
    return problems


def hint(value: object) -> object:
    """A little of what was sent, safe to write as JSON whatever it was."""
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, Mapping | list):
        return "{…}" if isinstance(value, Mapping) else "[…]"
    if isinstance(value, int | float) and not abs(value) < EXACT:  # NaN too
        return shorten(str(value))
    return value
