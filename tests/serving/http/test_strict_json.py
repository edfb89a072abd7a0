"""Bodies as strict JSON: what is not JSON is rejected, and what is JSON is read exactly."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.strict_json import parse_json


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty document"),
        (b"{", "unexpected end"),
        (b"[NaN]", "unexpected character"),
        (b"[Infinity]", "unexpected character"),
        (b"[-Infinity]", "no digit after sign"),
        (b"[1e400]", "infinity"),
        (b'{"a":1,"b":{"c":1,"d":2,"c":1}}', "the name 'c' occurs twice"),
        (b'["\xff"]', "not valid UTF-8"),
        (b'["\xc0\xaf"]', "not valid UTF-8"),
        (b'["\\ud800"]', "surrogate"),
        (b"\xef\xbb\xbf[]", "BOM"),
        (b'["a\0b"]', "control character"),
        (b"[1]x", "after document"),
        (b"[01]", ""),
        (b"[1,]", ""),
        (b"{'a':1}", ""),
        (b"[" * 60_000, "depth limit"),
        (b"[" * 990 + b"]" * 990, "nesting is too deep"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "nesting is too deep"),
        (b"[1" + b"0" * 5000 + b"]", "infinity"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "not valid UTF-8"),
    ],
)
def test_a_body_that_is_not_strict_json_is_rejected(body: bytes, why: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        parse_json(body)
    assert why in caught.value.msg


def test_json_is_read_exactly() -> None:
    assert parse_json('{"\u00e9": [9007199254740993, 1e3, "\\ud83d\\ude00", null]}'.encode()) == {
        "\u00e9": [9007199254740993, 1000.0, "\U0001f600", None]
    }


@given(st.binary())
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    with suppress(json.JSONDecodeError):
        json.dumps(parse_json(body), allow_nan=False, ensure_ascii=False).encode()
