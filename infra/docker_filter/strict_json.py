"""JSON that can be read in one way only: Go's decoder takes the last of two keys, and other readers the first."""

import json
from typing import Any, NoReturn

from infra.docker_filter.errors import Refusal


def parse_json(content: bytes | str) -> Any:
    """Parse UTF-8 JSON, refusing repeated keys, NaN and Infinity, and nesting deeper than Python can follow."""
    text = content if isinstance(content, str) else _decode(content)
    try:
        return json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_no_constant)
    except RecursionError:
        raise Refusal("the JSON is nested too deeply") from None
    except ValueError:  # also of a number with thousands of digits
        raise Refusal("this is not JSON") from None


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Refusal("the JSON is not UTF-8") from None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal("a key is repeated within one JSON object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Refusal(f"{name} is no JSON number")
