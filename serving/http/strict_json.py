"""JSON without its traps: no NaN, no repeated names, no broken Unicode, no nesting that would overflow a reader."""

import json
from typing import Any

import orjson

from serving.core.requests import MalformedRequest


def parse_json(body: bytes) -> Any:
    """Parse a request's body; raises MalformedRequest. Whole numbers of any length stay exact."""
    try:
        orjson.loads(body)  # the strict one; but it keeps the last of repeated names, and makes long numbers short
        return json.loads(body.decode(), object_pairs_hook=make_object)
    except RecursionError:
        raise refuse("the nesting is too deep") from None
    except ValueError as error:
        raise refuse(str(error).partition(": line ")[0]) from None


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:100]!r} is given twice")
    return made


def refuse(why: str) -> MalformedRequest:
    """In the words of FastAPI."""
    return MalformedRequest(
        [{"type": "json_invalid", "loc": [], "msg": "JSON decode error", "input": None, "ctx": {"error": why}}]
    )
