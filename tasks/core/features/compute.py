"""Computes the feature row of every movie: its own features and the track records of its people and companies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.core.features.compact import number_id
from tasks.core.features.movie_features import compute_movie_features
from tasks.core.features.release_dates import compute_release
from tasks.core.features.track_record import compute_track_record
from tasks.core.features.unknown import null_unknown_budgets, null_unknown_lengths

ROLES = ("director", "writer", "cast", "company", "language", "country")

DECIMALS = 3
"""Features are rounded so that different values differ as float32 too: the exported model then splits as the fitted one."""

ROWS_PER_SLICE = 50_000
"""A slice of this many rows takes about 30 MB."""


@dataclass(frozen=True)
class Tables:
    """The tables of the movies database that features are computed from; columns as in tasks/io/postgres/movies.py."""

    movie: pl.DataFrame
    rating: pl.DataFrame
    crew: pl.DataFrame
    credit: pl.DataFrame
    """As compact_credits returns it: the actors only, ids as numbers."""
    tmdb_movie: pl.DataFrame
    """As compact_texts returns it."""
    asked: pl.DataFrame
    """movie_id of every movie that TMDB was asked for, whatever it answered."""


def compute_features(tables: Tables, day: date) -> Iterator[pl.DataFrame]:
    """Yield the row of each movie in slices, by movie_id: movie_id, tmdb_id, title, tmdb_asked, features.

    tmdb_id: null where TMDB does not know the movie. tmdb_asked: false where TMDB's features are null because TMDB has not been
    asked yet; a model is not trained on such rows, because the most voted movies are asked for first. Every feature is Float64
    and may be null. Nothing that is known only after the movie's release is used: not its own rating, votes, popularity or
    revenue, and no movie that was released on the same day or later.
    """
    movies = null_unknown_lengths(tables.movie).sort("movie_id")
    tmdb = null_unknown_budgets(null_unknown_lengths(tables.tmdb_movie))
    records = _compute_records(tables, movies, tmdb, day)
    for start in range(0, movies.height, ROWS_PER_SLICE):
        part = movies.slice(start, ROWS_PER_SLICE)
        answers = tmdb.join(part, on="movie_id", how="semi")
        own = compute_movie_features(part, answers).drop("movie_id")
        about = part.select(
            "movie_id",
            pl.col("primary_title").alias("title"),
            pl.col("movie_id").is_in(tables.asked["movie_id"].implode()).alias("tmdb_asked"),
        ).join(answers.select("movie_id", "tmdb_id"), on="movie_id", how="left", maintain_order="left")
        features = pl.concat([own, records.slice(start, ROWS_PER_SLICE)], how="horizontal")
        yield pl.concat([about, features], how="horizontal").select(
            *("movie_id", "tmdb_id", "title", "tmdb_asked"),
            *[pl.col(name).cast(pl.Float64).round(DECIMALS) for name in features.columns],
        )


def _compute_records(tables: Tables, movies: pl.DataFrame, tmdb: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the track records of all roles, a row for each of `movies` in its order, null where there is none."""
    ids = movies.select(number_id("movie_id"))
    release = compute_release(movies, tmdb).with_columns(ids["movie_id"])
    ratings = tables.rating.with_columns(number_id("movie_id"))
    found = []
    for role in ROLES:
        record = compute_track_record(_read_links(tables, role), release, ratings, day, role)
        found.append(ids.join(record, on="movie_id", how="left", maintain_order="left").drop("movie_id"))
    return pl.concat(found, how="horizontal")


def _read_links(tables: Tables, role: str) -> pl.DataFrame:
    """Return movie_id, as a number, and member: each movie's people, companies, languages or countries in one role."""
    match role:
        case "director" | "writer":
            return _explode(tables.crew, f"{role}s")
        case "cast":
            return tables.credit.rename({"person_id": "member"})
        case "company":
            return _explode(tables.tmdb_movie, "companies")
        case "country":
            return _explode(tables.tmdb_movie, "countries")
        case _:
            languages = tables.tmdb_movie.select(number_id("movie_id"), pl.col("original_language").alias("member"))
            return languages.drop_nulls()


def _explode(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.select(number_id("movie_id"), pl.col(column).alias("member")).explode("member").drop_nulls()
