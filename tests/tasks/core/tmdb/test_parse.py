"""TMDB's bodies: what is kept, what becomes null, what is no movie's answer."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.errors import BadInput
from tasks.core.tmdb.parse import (
    Parsed,
    Rejected,
    TmdbMovie,
    is_tmdb_error,
    parse_changes,
    parse_message,
    parse_movie,
    seems_complete_json,
)
from tests.tasks.core.tmdb.bodies import CHANGES, HTML, INVALID_KEY, MOVIE, MOVIE_ID, NOT_FOUND, with_fields, without


def parse(body: bytes) -> Parsed:
    parsed = parse_movie(body, MOVIE_ID)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def reason(body: bytes, movie_id: str = MOVIE_ID) -> str:
    rejected = parse_movie(body, movie_id)
    assert isinstance(rejected, Rejected)
    return rejected.reason


def test_a_full_answer_becomes_a_record() -> None:
    assert parse_movie(MOVIE, MOVIE_ID) == Parsed(
        TmdbMovie(
            movie_id=MOVIE_ID,
            tmdb_id=7012345,
            title="The Lighthouse of Belastra",
            original_language="sv",
            release_date=date(2019, 3, 8),
            runtime_minutes=118,
            budget=41_000_000,
            status="Released",
            adult=False,
            overview="A lighthouse keeper counts the ships that never came.",
            tagline="Light has a price.",
            genres=["Drama", "Science Fiction"],
            companies=["Kornvik Film", "Ö & Sons"],
            countries=["SE", "GB"],
            spoken_languages=["sv"],
            keywords=["lighthouse", "sea"],
            cast_size=2,
            crew_size=1,
            revenue=90_210_000,
            popularity=3.75,
            vote_average=7.142,
            vote_count=1234,
        ),
        dropped=(),
    )


UNKNOWN: list[tuple[str, str, Any]] = [
    ("budget", "budget", 0),
    ("budget", "budget", None),
    ("revenue", "revenue", 0),
    ("runtime", "runtime_minutes", 0),
    ("runtime", "runtime_minutes", None),
    ("original_language", "original_language", "xx"),
    ("original_language", "original_language", ""),
    ("release_date", "release_date", ""),
    ("release_date", "release_date", None),
    ("title", "title", ""),
    ("tagline", "tagline", "  "),
    ("overview", "overview", None),
    ("adult", "adult", None),
    ("popularity", "popularity", None),
    ("vote_count", "vote_count", None),
]


@pytest.mark.parametrize(("field", "column", "value"), UNKNOWN)
def test_unknown_is_null_and_no_fault(field: str, column: str, value: object) -> None:
    parsed = parse(with_fields(**{field: value}))
    assert getattr(parsed.movie, column) is None
    assert parsed.dropped == ()


NONSENSE: list[tuple[str, str, Any]] = [
    ("budget", "budget", -1),
    ("budget", "budget", "a lot"),
    ("budget", "budget", True),
    ("budget", "budget", 2**63),
    ("budget", "budget", 10**400),
    ("budget", "budget", "1" * 20),
    ("budget", "budget", 0.5),
    ("budget", "budget", "\u0661\u0662"),  # Arabic digits
    ("budget", "budget", [1]),
    ("revenue", "revenue", {}),
    ("runtime", "runtime_minutes", -90),
    ("runtime", "runtime_minutes", 2**31),
    ("release_date", "release_date", "0000-00-00"),
    ("release_date", "release_date", "2019-02-30"),
    ("release_date", "release_date", "8 March 2019"),
    ("release_date", "release_date", "20190308"),
    ("release_date", "release_date", "1066-10-14"),
    ("release_date", "release_date", "9999-01-01"),
    ("release_date", "release_date", 20190308),
    ("original_language", "original_language", "Swedish"),
    ("original_language", "original_language", 7),
    ("title", "title", ["x"]),
    ("status", "status", False),
    ("adult", "adult", 0),
    ("adult", "adult", "no"),
    ("popularity", "popularity", "n/a"),
    ("popularity", "popularity", -0.1),
    ("popularity", "popularity", True),
    ("popularity", "popularity", float("nan")),
    ("popularity", "popularity", float("inf")),
    ("vote_average", "vote_average", 10.5),
    ("vote_count", "vote_count", 2**31),
    ("vote_count", "vote_count", -1),
]


@pytest.mark.parametrize(("field", "column", "value"), NONSENSE)
def test_an_invalid_field_is_null_and_named(field: str, column: str, value: object) -> None:
    parsed = parse(with_fields(**{field: value}))
    assert getattr(parsed.movie, column) is None
    assert parsed.dropped == (field,)


def test_numbers_of_another_type_are_still_numbers() -> None:
    movie = parse(with_fields(budget="12500000", runtime=118.0, id="7012345", popularity=3, revenue=1)).movie
    assert (movie.budget, movie.runtime_minutes, movie.tmdb_id, movie.popularity, movie.revenue) == (
        12_500_000,
        118,
        7012345,
        3.0,
        1,
    )


def test_new_fields_are_ignored_and_missing_ones_unknown() -> None:
    assert parse(with_fields(softcore=True, hologram={"depth": 3})) == parse(MOVIE)
    bare = parse(json.dumps({"id": 5, "imdb_id": MOVIE_ID}).encode())
    assert bare.dropped == ()
    assert (bare.movie.title, bare.movie.genres, bare.movie.keywords, bare.movie.cast_size, bare.movie.budget) == (
        None,
        [],
        [],
        0,
        None,
    )


@pytest.mark.parametrize("value", ["none", 7, True])
def test_values_that_are_not_lists_become_empty_lists(value: object) -> None:
    parsed = parse(with_fields(genres=value, production_companies=value, credits=value, keywords=value))
    assert (parsed.movie.genres, parsed.movie.companies, parsed.movie.cast_size, parsed.movie.keywords) == ([], [], 0, [])
    assert set(parsed.dropped) == {"genres", "production_companies", "credits", "keywords"}


def test_credits_may_lack_a_list() -> None:
    parsed = parse(with_fields(credits={"cast": {}, "crew": None}))
    assert (parsed.movie.cast_size, parsed.movie.crew_size, parsed.dropped) == (0, 0, ("cast",))


def test_names_are_kept_once_and_broken_items_left_out() -> None:
    genres = [
        {"id": 18, "name": "Drama"},
        {"id": 99},
        "Drama",
        {"name": None},
        {"name": " "},
        {"id": 0, "name": "Drama"},
        {"name": "?"},
    ]
    parsed = parse(with_fields(genres=genres))
    assert (parsed.movie.genres, parsed.dropped) == (["Drama", "?"], ("genres",))


def test_what_postgres_cannot_hold_is_left_out_of_text() -> None:
    body = with_fields(title="A\x00B\ud800C", overview="one\ntwo\tthree\x1f\r", genres=[{"name": "Dra\x00ma"}])
    movie = parse(body).movie
    assert (movie.title, movie.overview, movie.genres) == ("ABC", "one\ntwo\tthree", ["Drama"])


def test_the_id_may_stand_in_external_ids_only() -> None:
    assert parse(without("imdb_id")) == parse(MOVIE)
    assert parse(with_fields(imdb_id=None)) == parse(MOVIE)


def test_an_adult_movie_is_a_movie() -> None:
    assert parse(with_fields(adult=True)).movie.adult is True


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


def test_a_page_of_changes() -> None:
    page = parse_changes(CHANGES)
    assert (page.tmdb_ids, page.total_pages) == ((7012345, 7012346, 7012345), 3)


@pytest.mark.parametrize("body", [HTML, b"{}", b'{"results": {}, "total_pages": 1}', b'{"results": [], "total_pages": "many"}'])
def test_a_list_of_changes_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="list of changes"):
        parse_changes(body)


def test_tmdbs_rejections_differ_from_an_intermediarys() -> None:
    assert is_tmdb_error(NOT_FOUND)
    assert is_tmdb_error(INVALID_KEY)
    assert not any(is_tmdb_error(body) for body in (HTML, b"{}", b'{"status_code": "34"}', b"[34]"))
    assert parse_message(INVALID_KEY) == "'Invalid API key: You must be granted a valid key.' (status_code 7)"
    assert parse_message(b'{"status_message": 5}') == repr('{"status_message": 5}')
