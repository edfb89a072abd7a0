"""An unambiguous JSON parser. Of two equal keys Go's decoder takes the last and other parsers the first, so both are rejected."""

import json
from typing import Any, NoReturn

from infra.docker_filter.policy.errors import Rejection


def parse_json(content: bytes | str) -> Any:
    """Return the value of a UTF-8 JSON text. Raise Rejection for repeated keys, NaN, Infinity and excessive nesting."""
    text = content if isinstance(content, str) else _decode(content)
    try:
        return json.loads(text, object_pairs_hook=_make_object, parse_constant=_no_constant)
    except RecursionError:
        raise Rejection("the JSON is nested too deeply") from None
    except ValueError:  # also raised for a number with thousands of digits
        raise Rejection("this is not JSON") from None


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Rejection("the JSON is not UTF-8") from None


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Rejection("a key is repeated within one JSON object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Rejection(f"{name} is not a JSON number")
