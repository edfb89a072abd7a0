"""The feature row of a movie: what is unknown is null, and nothing of after its release gets in."""

from dataclasses import replace
from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.features.compute import Tables
from tests.tasks.core.features.frames import compute_all, credits_of, movies, ratings, tmdb_movies, two_movies

TODAY = date(2026, 11, 22)


def row(tables: Tables, movie_id: str = "tt0000001", day: date = TODAY) -> dict[str, float | None]:
    return compute_all(tables, day).filter(pl.col("movie_id") == movie_id).row(0, named=True)


def one_movie(movie: dict[str, object], tmdb: dict[str, object] | None = None) -> Tables:
    tables = two_movies()
    tmdb_rows = tmdb_movies({"movie_id": "tt0000001"} | tmdb) if tmdb is not None else tmdb_movies()
    return replace(tables, movie=movies({"movie_id": "tt0000001"} | movie), tmdb_movie=tmdb_rows)


def test_a_movie_of_which_nothing_is_known_has_nulls_and_no_zero() -> None:
    found = row(one_movie({"primary_title": "X", "original_title": "X"}))
    about_title = {
        "title",
        "movie_id",
        "title_chars",
        "title_words",
        "title_is_translated",
        "title_foreign_chars",
        "title_has_digit",
    }
    assert {name for name, value in found.items() if value is not None} == {*about_title, "tmdb_asked"}


def test_money_unknown_to_tmdb_is_null_and_known_money_is_in_millions() -> None:
    assert row(one_movie({}, {"budget": None}))["budget_millions"] is None
    assert row(one_movie({}, {"budget": 25_500_000}))["budget_millions"] == 25.5


def test_a_budget_below_the_floor_is_unknown() -> None:
    assert row(one_movie({}, {"budget": 8}))["budget_millions"] is None
    assert row(one_movie({}, {"budget": 999}))["budget_millions"] is None
    assert row(one_movie({}, {"budget": 1_000}))["budget_millions"] == 0.001


def test_an_unknown_length_of_one_source_does_not_hide_the_other_s() -> None:
    assert row(one_movie({"runtime_minutes": 0}, {"runtime_minutes": 142}))["runtime_minutes"] == 142
    assert row(one_movie({"runtime_minutes": 1}, {"runtime_minutes": 142}))["runtime_minutes"] == 1
    assert row(one_movie({"runtime_minutes": 0}))["runtime_minutes"] is None


def test_imdb_s_runtime_goes_before_tmdb_s_and_zero_is_unknown() -> None:
    assert row(one_movie({"runtime_minutes": 99}, {"runtime_minutes": 120}))["runtime_minutes"] == 99
    assert row(one_movie({"runtime_minutes": None}, {"runtime_minutes": 120}))["runtime_minutes"] == 120
    assert row(one_movie({"runtime_minutes": None}, {"runtime_minutes": 0}))["runtime_minutes"] is None


def test_the_release_day_gives_year_month_and_weekday() -> None:
    found = row(one_movie({"start_year": 1999}, {"release_date": date(2000, 6, 1)}))
    assert (found["release_year"], found["release_month"], found["release_weekday"]) == (2000, 6, 4)
    assert row(one_movie({"start_year": 1999}))["release_year"] == 1999


def test_genres_are_flags_where_any_is_known() -> None:
    found = row(one_movie({"genres": ["Drama", "Sci-Fi", "News"]}))
    assert (found["genre_drama"], found["genre_sci_fi"], found["genre_war"], found["genre_count"]) == (1, 1, 0, 3)


def test_languages_countries_and_words() -> None:
    tmdb: dict[str, object] = {
        "original_language": "fr",
        "spoken_languages": ["fr", "en"],
        "countries": ["France"],
        "overview": "a b c",
        "tagline": "",
    }
    found = row(one_movie({"primary_title": "Two 2", "original_title": "Deux é"}, tmdb))
    wanted = {
        "language_is_english": 0, "spoken_language_count": 2, "country_count": 1, "overview_words": 3, "tagline_words": 0,
        "title_is_translated": 1, "title_chars": 5, "title_words": 2, "title_foreign_chars": 1, "title_has_digit": 1,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted


def test_not_asked_and_asked_without_an_answer_are_told_apart() -> None:
    tables = replace(one_movie({}), asked=movies({"movie_id": "tt0000001"}).select("movie_id"))
    both = replace(tables, movie=movies({"movie_id": "tt0000001"}, {"movie_id": "tt0000002"}))
    assert row(both)["tmdb_id"] is row(both, "tt0000002")["tmdb_id"] is None
    assert row(both)["tmdb_asked"] is True
    assert row(both, "tt0000002")["tmdb_asked"] is False


def test_the_director_s_earlier_movie_is_in_the_later_movie_s_row_and_not_the_other_way() -> None:
    tables = two_movies()
    assert row(tables, "tt0000002")["director_rating"] == 8.0
    assert row(tables, "tt0000001")["director_rating"] is None


def test_only_the_cast_s_acting_counts_as_cast() -> None:
    billed: list[dict[str, object]] = [
        {"movie_id": f"tt000000{n}", "person_id": person, "category": category}
        for n in (1, 2)
        for person, category in (("nm0000002", "actress"), ("nm0000003", "composer"))
    ]
    credit = credits_of(*billed)
    assert row(replace(two_movies(), credit=credit), "tt0000002")["cast_films"] == 1


@settings(max_examples=25)
@given(st.floats(1, 10), st.integers(0, 2_000_000))
def test_a_movie_s_own_rating_and_votes_never_change_its_row(rating: float, votes: int) -> None:
    """The planted future: whatever becomes known of a movie after its release, its pre-release row stays."""
    tables = two_movies()
    planted = replace(
        tables,
        rating=ratings(
            {"movie_id": "tt0000001", "average_rating": 8.0},
            {"movie_id": "tt0000002", "average_rating": rating, "num_votes": votes},
        ),
    )
    assert row(planted, "tt0000002") == row(tables, "tt0000002")


@settings(max_examples=25)
@given(st.dates(date(1950, 1, 1), date(2026, 12, 31)))
def test_the_other_movie_s_rating_enters_exactly_when_it_was_released_before(second_released: date) -> None:
    low, high = (row(with_first_rated(second_released, rating), "tt0000002") for rating in (2.0, 9.0))
    assert (low == high) is (second_released <= date(2000, 6, 1))


def with_first_rated(second_released: date, rating: float) -> Tables:
    return replace(two_movies(second_released), rating=ratings({"movie_id": "tt0000001", "average_rating": rating}))
