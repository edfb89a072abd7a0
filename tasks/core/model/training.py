"""The labelled rows a model is fitted and judged on, split by release year."""

from dataclasses import dataclass

import polars as pl

from tasks.core.errors import BadInput
from tasks.core.features.changes import compute_content_hash

LABEL = "average_rating"
MIN_LABEL_VOTES = 100
"""A rating of fewer votes says more of its voters than of the film."""
TEST_SHARE = 0.2
MIN_ROWS = 200
"""Fewer labelled films than this cannot tell a better model from a lucky one."""


@dataclass(frozen=True)
class Split:
    """Films of years before `first_test_year` to fit on, films from that year on to judge with."""

    train: pl.DataFrame
    test: pl.DataFrame
    first_test_year: int
    features: tuple[str, ...]
    """Columns the model reads: those with at least two distinct values among the training rows."""
    dataset_hash: str


def split_by_year(rows: pl.DataFrame, features: list[str]) -> Split:
    """Split labelled rows at a year boundary: the newest whole years that hold closest to a fifth of the films are the test.

    rows: movie_id, the label, the features (release_year among them). Raises BadInput when there is too little to split.
    """
    rows = rows.drop_nulls(["release_year", LABEL]).sort("movie_id")
    if rows.height < MIN_ROWS:
        raise BadInput(f"{rows.height} films with a label and a release year; a model needs at least {MIN_ROWS}")
    newer = rows.group_by("release_year").len().sort("release_year", descending=True)
    newer = newer.with_columns(off=(pl.col("len").cum_sum() / rows.height - TEST_SHARE).abs())
    first = newer.head(-1).sort("off", "release_year").get_column("release_year")
    if first.is_empty():
        raise BadInput(f"all labelled films are of {rows['release_year'][0]:.0f}; a split by time needs at least two years")
    train, test = rows.filter(pl.col("release_year") < first[0]), rows.filter(pl.col("release_year") >= first[0])
    usable = tuple(name for name in features if train[name].drop_nulls().n_unique() > 1)
    return Split(train, test, int(first[0]), usable, compute_content_hash(rows.select("movie_id", LABEL, *features)))
