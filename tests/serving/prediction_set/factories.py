"""Small prediction databases as predict_all makes them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tasks.core.predictions.prediction_database import render_prediction_database

AS_OF = 1795305600  # 2026-11-22
ABOUT = {
    "prediction_set": "9f86d081884c",
    "model_name": "movie-rating",
    "model_version": "3",
    "model_sha256": "a" * 64,
    "feature_set": "marquee_20261122_aaaaaaaaaaaa",
    "content_hash": "b" * 64,
    "snapshot_id": "8541223904412345678",
}


@dataclass(frozen=True)
class Movie:
    movie_id: str
    title: str | None = None
    year: int | None = None
    tmdb_id: int | None = None
    model_output: float = 7.123449
    votes: int | None = None


def build(path: Path, movies: Sequence[Movie], about: Mapping[str, str] | None = None) -> str:
    """Write a prediction database and return its sha256."""
    rows = [
        (movie.movie_id, movie.tmdb_id, movie.title, movie.year, round(movie.model_output, 4), movie.model_output, movie.votes)
        for movie in movies
    ]
    names = ("movie_id", "tmdb_id", "title", "release_year", "rating", "model_output", "num_votes")
    types = (pl.String, pl.Int64, pl.String, pl.Int64, pl.Float64, pl.Float64, pl.Int64)
    frame = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
    predictions = frame.with_columns(features_as_of=pl.lit(datetime.fromtimestamp(AS_OF, UTC)).dt.cast_time_unit("us"))
    body = render_prediction_database(predictions, frame, frame.drop_nulls("num_votes"), ABOUT | dict(about or {}))
    path.write_bytes(body)
    return digest_of(path)


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Clock:
    """A clock that advances at each reading, and counts the readings in `looks`."""

    def __init__(self, step_seconds: float) -> None:
        self.step_seconds, self.looks = step_seconds, 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks * self.step_seconds
