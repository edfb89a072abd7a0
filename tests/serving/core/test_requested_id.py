"""Tests the id parser with malformed input."""

import re
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.requested_id import ECHOED_CHARACTERS, MalformedQuery, RequestedId, parse_query

MALFORMED = {
    "empty": "",
    "exponent": "1e3",
    "leading blank": " 1",
    "trailing blank": "1 ",
    "trailing newline": "tt0111161\n",
    "decimal": "1.0",
    "negative": "-1",
    "plus": "+1",
    "zero": "0",
    "leading zero": "0278",
    "2^63": str(2**63),
    "10^400": "1" + "0" * 400,
    "underscore": "1_000",
    "hexadecimal": "0x10",
    "full-width digits": "\uff11\uff12",
    "full-width digits after tt": "tt\uff10\uff11\uff11\uff11\uff11\uff16\uff11",
    "Arabic digits": "\u0661\u0662\u0663",
    "Arabic digits after tt": "tt\u0660\u0661\u0661\u0661\u0661\u0666\u0661",
    "superscript": "\u00b2",
    "right-to-left override": "\u202e1611110tt",
    "right-to-left override inside": "tt0111161\u202e",
    "zero-width space": "tt0111161\u200b",
    "NUL": "\0",
    "NUL after": "tt0111161\0",
    "too few digits": "tt011116",
    "too many digits": "tt01234567890",
    "upper case": "TT0111161",
    "a person": "nm0000151",
    "only tt": "tt",
    "true": "true",
    "null": "null",
    "NaN": "nan",
    "a list": "[1]",
    "SQL": "1 OR 1=1",
    "path": "../../etc/passwd",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_ids_are_refused_in_fastapis_shape(text: str) -> None:
    with pytest.raises(MalformedQuery) as caught:
        parse_query(f"movie_id={quote(text)}".encode())
    (problem,) = caught.value.problems
    assert problem["type"] == "string_pattern_mismatch"
    assert problem["loc"] == ["query", "movie_id"]
    assert problem["msg"]
    assert problem["input"] == text[:ECHOED_CHARACTERS] + ("…" if len(text) > ECHOED_CHARACTERS else "")


@pytest.mark.parametrize("query", [b"", b"movie_id", b"movie", b"id=1", b"movie_id[]=1", b"movie_id%00=1", b"MOVIE_ID=1"])
def test_a_missing_id_gets_fastapis_error(query: bytes) -> None:
    with pytest.raises(MalformedQuery) as caught:
        parse_query(query)
    expected = "string_pattern_mismatch" if query == b"movie_id" else "missing"
    assert caught.value.problems[0]["type"] == expected


@pytest.mark.parametrize("query", [b"movie_id=1&movie_id=2", b"movie_id=tt0111161&movie_id=tt0111161", b"movie_id=&movie_id=1"])
def test_a_repeated_id_is_refused(query: bytes) -> None:
    with pytest.raises(MalformedQuery, match="once"):
        parse_query(query)


@pytest.mark.parametrize(
    "query", [b"movie_id=\xff", b"movie_id=%ff", b"movie_id=%", b"movie_id=%zz", b"movie_id=1;2", b"movie_id=%F0%28"]
)
def test_invalid_utf8_is_rejected(query: bytes) -> None:
    with pytest.raises(MalformedQuery):
        parse_query(query)


def test_an_error_does_not_echo_a_long_input() -> None:
    with pytest.raises(MalformedQuery) as caught:
        parse_query(b"movie_id=" + b"9" * 65536)
    assert len(str(caught.value.problems)) < 500


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"movie_id=tt0111161", RequestedId(movie_id="tt0111161")),
        (b"movie_id=tt1234567890", RequestedId(movie_id="tt1234567890")),
        (b"movie_id=%74t0111161", RequestedId(movie_id="tt0111161")),
        (b"other=1&movie_id=278", RequestedId(tmdb_id=278)),
        (b"movie_id=278&other=1", RequestedId(tmdb_id=278)),
        (b"movie_id=1", RequestedId(tmdb_id=1)),
        (b"movie_id=2147483648", RequestedId(tmdb_id=2**31)),
        (b"movie_id=9223372036854775807", RequestedId(tmdb_id=2**63 - 1)),
    ],
)
def test_ids_are_parsed(query: bytes, expected: RequestedId) -> None:
    assert parse_query(query) == expected


@given(st.integers(1, 2**63 - 1))
def test_every_tmdb_id_is_parsed(tmdb_id: int) -> None:
    assert parse_query(b"movie_id=%d" % tmdb_id) == RequestedId(tmdb_id=tmdb_id)


@given(st.text(max_size=30) | st.from_regex(r"(tt)?\d{1,12}\s?", fullmatch=True))
def test_only_ids_are_accepted(text: str) -> None:
    try:
        accepted = str(parse_query(f"movie_id={quote(text)}".encode()))
    except MalformedQuery:
        return
    assert accepted == text
    assert re.fullmatch(r"tt[0-9]{7,10}|[1-9][0-9]{0,18}", text, re.ASCII)


@given(st.binary(max_size=60))
def test_any_query_is_parsed_or_rejected(query: bytes) -> None:
    with suppress(MalformedQuery):
        assert str(parse_query(query))
