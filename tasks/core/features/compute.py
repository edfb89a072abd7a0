"""Computes the feature row of every movie: its own features and the track records of its people and companies."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.core.features.movie_features import compute_movie_features
from tasks.core.features.release_dates import compute_release
from tasks.core.features.track_record import compute_track_record
from tasks.core.features.unknown import null_unknown_budgets, null_unknown_lengths

ROLES = ("director", "writer", "cast", "company", "language", "country")

DECIMALS = 3
"""Features are rounded so that different values differ as float32 too: the exported model then splits as the fitted one."""


@dataclass(frozen=True)
class Tables:
    """The tables of the movies database that features are computed from; columns as in tasks/io/postgres/movies.py."""

    movie: pl.DataFrame
    rating: pl.DataFrame
    crew: pl.DataFrame
    credit: pl.DataFrame
    tmdb_movie: pl.DataFrame
    asked: pl.DataFrame
    """movie_id of every movie that TMDB was asked for, whatever it answered."""


def compute_features(tables: Tables, day: date) -> pl.DataFrame:
    """Return one row per movie, by movie_id: movie_id, tmdb_id (null where TMDB does not know it), title, tmdb_asked, features.

    tmdb_asked: false where TMDB's features are null because TMDB has not been asked yet; a model is not trained on such rows,
    because the most voted movies are asked for first. Every feature is Float64 and may be null. Nothing that is known only
    after the movie's release is used: not its own rating, votes, popularity or revenue, and no movie that was released on the
    same day or later.
    """
    movies = null_unknown_lengths(tables.movie).sort("movie_id")
    tmdb = null_unknown_budgets(null_unknown_lengths(tables.tmdb_movie))
    release = compute_release(movies, tmdb)
    rows = compute_movie_features(movies, tmdb)
    for role in ROLES:
        record = compute_track_record(_links(tables, role), release, tables.rating, day, role)
        rows = rows.join(record, on="movie_id", how="left", maintain_order="left")
    features = rows.drop("movie_id").columns
    return (
        movies.select(
            "movie_id",
            pl.col("primary_title").alias("title"),
            pl.col("movie_id").is_in(tables.asked["movie_id"].implode()).alias("tmdb_asked"),
        )
        .join(tmdb.select("movie_id", "tmdb_id"), on="movie_id", how="left", maintain_order="left")
        .join(rows, on="movie_id", how="left", maintain_order="left")
        .select(
            *("movie_id", "tmdb_id", "title", "tmdb_asked"),
            *[pl.col(name).cast(pl.Float64).round(DECIMALS) for name in features],
        )
    )


def _links(tables: Tables, role: str) -> pl.DataFrame:
    """Return movie_id and member: each movie's people, companies, languages or countries in one role."""
    match role:
        case "director" | "writer":
            return _explode(tables.crew, f"{role}s")
        case "cast":
            actors = tables.credit.filter(pl.col("category").is_in(["actor", "actress"]))
            return actors.select("movie_id", pl.col("person_id").alias("member"))
        case "company":
            return _explode(tables.tmdb_movie, "companies")
        case "country":
            return _explode(tables.tmdb_movie, "countries")
        case _:
            return tables.tmdb_movie.select("movie_id", pl.col("original_language").alias("member")).drop_nulls()


def _explode(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.select("movie_id", pl.col(column).alias("member")).explode("member").drop_nulls()
