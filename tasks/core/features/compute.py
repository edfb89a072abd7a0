"""The feature row of every film: its own features beside the records of those who made it."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.core.features.movie_features import compute_movie_features
from tasks.core.features.release_dates import compute_release
from tasks.core.features.track_record import compute_track_record

ROLES = ("director", "writer", "cast", "company", "language", "country")

DECIMALS = 3
"""Features are rounded so that no two values differ by one float32 step: the exported model then splits as the fitted one."""


@dataclass(frozen=True)
class Tables:
    """The movies database as frames; columns as in infra/setup/migrations/movies.sql."""

    film: pl.DataFrame
    rating: pl.DataFrame
    crew: pl.DataFrame
    credit: pl.DataFrame
    tmdb_movie: pl.DataFrame


def compute_features(tables: Tables, day: date) -> pl.DataFrame:
    """One row a film, sorted by movie_id: movie_id, tmdb_id (null where TMDB does not know the film), title, features.

    Every feature is Float64 and may be null. Nothing known only after the film's release enters: neither its own
    rating, votes, popularity nor revenue, nor any film released on the same day or later.
    """
    films = tables.film.sort("movie_id")
    release = compute_release(films, tables.tmdb_movie)
    rows = compute_movie_features(films, tables.tmdb_movie)
    for role in ROLES:
        record = compute_track_record(_links(tables, role), release, tables.rating, day, role)
        rows = rows.join(record, on="movie_id", how="left", maintain_order="left")
    features = rows.drop("movie_id").columns
    return (
        films.select("movie_id", pl.col("primary_title").alias("title"))
        .join(tables.tmdb_movie.select("movie_id", "tmdb_id"), on="movie_id", how="left", maintain_order="left")
        .join(rows, on="movie_id", how="left", maintain_order="left")
        .select("movie_id", "tmdb_id", "title", *[pl.col(name).cast(pl.Float64).round(DECIMALS) for name in features])
    )


def _links(tables: Tables, role: str) -> pl.DataFrame:
    """movie_id, member of each film's people, companies, languages or countries in one role."""
    match role:
        case "director" | "writer":
            return _exploded(tables.crew, f"{role}s")
        case "cast":
            actors = tables.credit.filter(pl.col("category").is_in(["actor", "actress"]))
            return actors.select("movie_id", pl.col("person_id").alias("member"))
        case "company":
            return _exploded(tables.tmdb_movie, "companies")
        case "country":
            return _exploded(tables.tmdb_movie, "countries")
        case _:
            return tables.tmdb_movie.select("movie_id", pl.col("original_language").alias("member")).drop_nulls()


def _exploded(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.select("movie_id", pl.col(column).alias("member")).explode("member").drop_nulls()
