"""Small movie tables for the core's tests; every movie is invented."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.core.features.compact import compact_credits, compact_texts
from tasks.core.features.compute import Tables, compute_features
from tasks.io.postgres.movies import CREDIT, CREW, MOVIE, RATING, TMDB_MOVIE, Schema

Row = dict[str, object]


def frame(schema: Schema, rows: Sequence[Row], defaults: Row) -> pl.DataFrame:
    return pl.DataFrame([defaults | row for row in rows], schema=dict(schema))


def movies(*rows: Row) -> pl.DataFrame:
    return frame(MOVIE, rows, {"primary_title": "Untitled", "original_title": "Untitled", "genres": []})


def ratings(*rows: Row) -> pl.DataFrame:
    return frame(RATING, rows, {"average_rating": 7.0, "num_votes": 1000})


def crews(*rows: Row) -> pl.DataFrame:
    return frame(CREW, rows, {"directors": [], "writers": []})


def credits_of(*rows: Row) -> pl.DataFrame:
    return compact_credits(frame(CREDIT, rows, {"category": "actor"}))


def tmdb_movies(*rows: Row) -> pl.DataFrame:
    empty: Row = {"companies": [], "countries": [], "spoken_languages": []}
    numbered = [{"tmdb_id": number} | row for number, row in enumerate(rows, 1)]
    return compact_texts(frame(TMDB_MOVIE, numbered, empty))


def compute_all(tables: Tables, day: date) -> pl.DataFrame:
    """Return the rows of all slices."""
    return pl.concat(compute_features(tables, day))


def two_movies(second_released: date = date(2001, 6, 1)) -> Tables:
    """One director; tt0000001 of 2000-06-01, rated 8.0 by 1000, and tt0000002, rated 5.0."""
    return Tables(
        movie=movies(
            {"movie_id": "tt0000001", "start_year": 2000}, {"movie_id": "tt0000002", "start_year": second_released.year}
        ),
        rating=ratings({"movie_id": "tt0000001", "average_rating": 8.0}, {"movie_id": "tt0000002", "average_rating": 5.0}),
        crew=crews({"movie_id": "tt0000001", "directors": ["nm0000001"]}, {"movie_id": "tt0000002", "directors": ["nm0000001"]}),
        credit=credits_of(),
        tmdb_movie=tmdb_movies(
            {"movie_id": "tt0000001", "release_date": date(2000, 6, 1)},
            {"movie_id": "tt0000002", "release_date": second_released},
        ),
        asked=movies({"movie_id": "tt0000001"}, {"movie_id": "tt0000002"}).select("movie_id"),
    )
