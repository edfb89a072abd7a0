"""What a later day changes in the files: a share of all rows in one column each, and new titles."""

import numpy as np
import polars as pl

from tests.bench.imdb_files.ids import Indexes, scatter

NEW_SHARE = 0.1
"""New titles for each changed row of title.basics."""
CHANGED = {
    "numVotes": pl.col("numVotes") + 7,
    "runtimeMinutes": pl.col("runtimeMinutes").fill_null(80) + 1,
    "writers": pl.col("writers").shift(1),
    "category": pl.when(pl.col("category") == "self").then(pl.lit("actor")).otherwise(pl.lit("self")),
    "birthYear": pl.col("birthYear").fill_null(1950) + 1,
}
"""The column of each file that changes, and how."""
RATING = pl.when(pl.col("averageRating") < 10).then((pl.col("averageRating") + 0.1).round(1)).otherwise(9.9)
"""New votes move a rating too."""


def change_rows(frames: dict[str, pl.DataFrame], rng: np.random.Generator, share: float) -> None:
    """Change this share of the rows of each file; ids, the number of rows and their order stay."""
    for name, rows in frames.items():
        changes = pl.Series(rng.random(rows.height) < share)
        columns = {column: value for column, value in CHANGED.items() if column in rows.columns}
        if "averageRating" in rows.columns:
            columns["averageRating"] = RATING
        frames[name] = rows.with_columns(
            pl.when(changes).then(value).otherwise(pl.col(column)).alias(column) for column, value in columns.items()
        )


def choose_new(indexes: Indexes, share: float) -> Indexes:
    """Return those after each of which a new title comes."""
    return indexes[scatter(indexes, 3) < share * NEW_SHARE]
