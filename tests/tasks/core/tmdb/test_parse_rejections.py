"""Tests the answers that TMDB's parser rejects, with their reasons; any bytes and any values are kept, nulled or rejected."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.tmdb.parse import Rejected, parse_message, parse_movie, seems_complete_json
from tests.tasks.core.tmdb.bodies import HTML, MOVIE, MOVIE_ID, NOT_FOUND, with_fields, without


def reason(body: bytes, movie_id: str = MOVIE_ID) -> str:
    rejected = parse_movie(body, movie_id)
    assert isinstance(rejected, Rejected)
    return rejected.reason


@pytest.mark.parametrize("value", [None, 0, -5, "x", 2**63, True, [], 1.5])
def test_an_answer_without_an_id_is_rejected(value: object) -> None:
    assert reason(with_fields(id=value)).startswith(f"id is {value!r:.200}: it must be")


def test_an_answer_for_another_movie_is_rejected() -> None:
    assert reason(MOVIE, "tt70000043") == "the answer is for imdb_id 'tt70000042', TMDB 7012345; tt70000043 was asked"
    assert "imdb_id None" in reason(without("imdb_id", "external_ids"))
    assert "imdb_id ['x']" in reason(with_fields(imdb_id=["x"]))


def test_success_false_with_200_is_rejected() -> None:
    assert "'The resource you requested could not be found.' (status_code 34)" in reason(NOT_FOUND)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (HTML, "not JSON ("),
        (b"", "not JSON ("),
        (MOVIE[:1000], "not JSON ("),
        (MOVIE[:-1], "not JSON ("),
        (b"\xff\xfe{}", "not JSON ("),
        (b"[" * 100_000, "not JSON ("),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON ("),
        (b"[1]", "not a JSON object: '[1]'"),
        (b"null", "not a JSON object"),
    ],
)
def test_an_answer_that_is_not_a_json_object_is_rejected_and_shown(body: bytes, why: str) -> None:
    assert reason(body).startswith(why)
    assert len(reason(body)) < 1000


def test_looks_whole_detects_a_cut_body() -> None:
    assert seems_complete_json(MOVIE)
    assert seems_complete_json(MOVIE + b"\r\n")
    assert not any(seems_complete_json(body) for body in (b"", HTML, MOVIE[:1000], b"[]", b"null"))


@given(st.integers(0, len(MOVIE) - 1))
def test_no_cut_body_is_a_movie(length: int) -> None:
    assert isinstance(parse_movie(MOVIE[:length], MOVIE_ID), Rejected)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted(json.loads(MOVIE)))


@given(st.dictionaries(FIELDS, ANY_JSON, max_size=5))
def test_any_value_in_any_field_is_kept_nulled_or_rejected(changed: dict[str, Any]) -> None:
    parsed = parse_movie(with_fields(**changed), MOVIE_ID)
    if isinstance(parsed, Rejected):
        assert changed.keys() & {"id", "imdb_id", "external_ids"}
        return
    movie = parsed.movie
    assert movie.budget is None or 0 < movie.budget < 2**63
    assert movie.runtime_minutes is None or 0 < movie.runtime_minutes < 2**31
    assert movie.popularity is None or 0 <= movie.popularity <= 1e12
    for text in (movie.title, movie.status, movie.overview, *movie.genres, *movie.companies, *movie.keywords):
        assert text is None or (text and "\0" not in text and text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_rejected_in_words(body: bytes) -> None:
    assert isinstance(parse_movie(body, MOVIE_ID), Rejected)
    assert parse_message(body)
