"""Splits the labelled rows by release year, into those to fit on and those to score on."""

from dataclasses import dataclass

import polars as pl

from tasks.core.errors import BadInput
from tasks.core.features.changes import compute_content_hash

LABEL = "average_rating"
MIN_LABEL_VOTES = 100
"""A rating with fewer votes depends more on its voters than on the movie."""
TEST_SHARE = 0.2
MIN_ROWS = 200
"""With fewer labelled movies the difference between two models is mostly chance."""


@dataclass(frozen=True)
class Split:
    """Movies of the years before `first_test_year` to fit on, and movies from that year on to score on."""

    train: pl.DataFrame
    test: pl.DataFrame
    first_test_year: int
    features: tuple[str, ...]
    """The columns that the model reads: those with at least two distinct values among the training rows."""
    dataset_hash: str


def keep_asked(labels: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return the labels of the movies that TMDB was asked for; all labels if it was asked for none.

    TMDB is asked for the most voted movies first. Until all have been asked for, "TMDB's features are null" would mean "has few
    votes", which is not known before the release. Movies for which TMDB had no answer stay: that is known at prediction too.
    """
    kept = labels.join(asked, on="movie_id", how="semi", maintain_order="left")
    return labels if asked.is_empty() else kept


def split_by_year(rows: pl.DataFrame, features: list[str]) -> Split:
    """Split labelled rows at a year: the newest whole years with closest to a fifth of the movies are the test.

    rows: movie_id, the label, the features (release_year among them). Raises BadInput if there are too few rows or years.
    """
    rows = rows.drop_nulls(["release_year", LABEL]).sort("movie_id")
    if rows.height < MIN_ROWS:
        raise BadInput(f"{rows.height} movies with a label and a release year; a model needs at least {MIN_ROWS}")
    newer = rows.group_by("release_year").len().sort("release_year", descending=True)
    newer = newer.with_columns(off=(pl.col("len").cum_sum() / rows.height - TEST_SHARE).abs())
    first = newer.head(-1).sort("off", "release_year").get_column("release_year")
    if first.is_empty():
        raise BadInput(f"all labelled movies are of {rows['release_year'][0]:.0f}; a split by time needs at least two years")
    train, test = rows.filter(pl.col("release_year") < first[0]), rows.filter(pl.col("release_year") >= first[0])
    usable = tuple(name for name in features if train[name].drop_nulls().n_unique() > 1)
    return Split(train, test, int(first[0]), usable, compute_content_hash(rows.select("movie_id", LABEL, *features)))
