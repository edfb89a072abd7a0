"""Tests the parser of TMDB's answers: kept fields, and fields that become null."""

import json
from datetime import date
from typing import Any

import pytest

from tasks.core.tmdb.parse import (
    Parsed,
    TmdbMovie,
    parse_movie,
)
from tests.tasks.core.tmdb.bodies import MOVIE, MOVIE_ID, with_fields, without


def parse(body: bytes) -> Parsed:
    parsed = parse_movie(body, MOVIE_ID)
    assert isinstance(parsed, Parsed), parsed
    return parsed


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
