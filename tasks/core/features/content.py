"""What the rows of a feature set hold: their hash and number, and a sample of them, from one pass over all."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from tasks.core.features.changes import ContentHash

SAMPLE = 500
"""Rows of a sample."""
TIMES = ("event_timestamp", "created_timestamp")


@dataclass(frozen=True)
class Content:
    """The rows of a feature set in short."""

    sha256: str
    """Without TIMES, because the same features may have been built on several days."""
    movies: int
    keys: int
    """Redis keys of the set: one per movie, and one more per movie with a TMDB id."""
    sample: pl.DataFrame
    """Up to SAMPLE of the rows, by movie_id; the same each time."""


def describe_content(slices: Iterable[pl.DataFrame]) -> Content:
    """Read the rows once. slices: by movie_id, with tmdb_id and TIMES."""
    content, movies, keys = ContentHash(), 0, 0
    samples: list[pl.DataFrame] = []
    for rows in slices:
        content.add(rows.drop(TIMES))
        movies, keys = movies + rows.height, keys + rows.height + rows["tmdb_id"].drop_nulls().len()
        samples.append(_sample(rows))
    sample = _sample(pl.concat(samples)).sort("movie_id") if samples else pl.DataFrame()
    return Content(content.hexdigest(), movies, keys, sample)


def _sample(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sample(min(SAMPLE, rows.height), seed=0)
