"""Reads the newest row of each movie from the offline store, in slices, so that memory does not grow with all rows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import polars as pl
import pyarrow.compute as pc
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, In, LessThanOrEqual
from pyiceberg.table import Table

from tasks.core.features.content import TIMES
from tasks.io.feast import current_rows

NO_FEATURES = ("withdrawn", "tmdb_asked")
"""Columns that a feature set does not have."""
ROWS_PER_SLICE = 50_000


@dataclass(frozen=True)
class LatestRows:
    """The last known row of each movie as of the end of a day, with withdrawn ones; read anew each time it is iterated over.

    Yields frames of about ROWS_PER_SLICE rows with TIMES, by movie_id.
    """

    table: Table
    day: date
    snapshot_id: int | None = None
    """None: the current snapshot."""
    columns: tuple[str, ...] = ("*",)
    """The columns to read; movie_id and TIMES are among them."""

    def __iter__(self) -> Iterator[pl.DataFrame]:
        wanted = self.table.scan(selected_fields=self.columns, snapshot_id=self.snapshot_id).projection().column_names
        current = current_rows.read(self.table, self.day, self.snapshot_id, wanted)
        return current if current is not None else self._read_history()

    def _read_history(self) -> Iterator[pl.DataFrame]:
        """Yield the rows from all that the table ever had, in ranges of movie_id."""
        ids = self._read_ids()
        for start in range(0, len(ids), ROWS_PER_SLICE):
            last = min(start + ROWS_PER_SLICE, len(ids)) - 1
            within = And(GreaterThanOrEqual(term="movie_id", value=ids[start]), LessThanOrEqual(term="movie_id", value=ids[last]))
            yield _keep_newest(self._scan(within), self.day)

    def _read_ids(self) -> pl.Series:
        """Return every movie_id of the snapshot, in order."""
        reader = self.table.scan(selected_fields=("movie_id",), snapshot_id=self.snapshot_id).to_arrow_batch_reader()
        ids = pl.Series("movie_id", [], pl.String)
        for batch in reader:
            ids = pl.concat([ids, pl.Series("movie_id", pl.from_arrow(batch.column("movie_id")))]).unique()
        return ids.sort()

    def _scan(self, wanted: BooleanExpression) -> pl.DataFrame:
        return pl.DataFrame(self.table.scan(wanted, selected_fields=self.columns, snapshot_id=self.snapshot_id).to_arrow())


@dataclass(frozen=True)
class PresentRows:
    """The rows of LatestRows without the withdrawn movies: the rows of a feature set. Read anew at each iteration."""

    table: Table
    day: date
    snapshot_id: int | None = None

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for rows in LatestRows(self.table, self.day, self.snapshot_id):
            yield rows.filter(~pl.col("withdrawn")).drop(NO_FEATURES, strict=False)


def read_rows_of(table: Table, day: date, movie_ids: Collection[str], snapshot_id: int | None = None) -> pl.DataFrame:
    """Return the rows of these movies as of the end of `day`, as LatestRows has them."""
    return _keep_newest(LatestRows(table, day, snapshot_id)._scan(In(term="movie_id", literals=set(movie_ids))), day)


def read_asked(table: Table, day: date) -> pl.DataFrame:
    """Return movie_id of the movies whose row as of the end of `day` has TMDB's answer, even if that was that it has none.

    Rows of a build that did not record this are taken to have it.
    """
    recorded = "tmdb_asked" in table.schema().column_names
    columns = ("movie_id", *TIMES, "withdrawn", *(["tmdb_asked"] if recorded else []))
    asked = pl.col("tmdb_asked").fill_null(value=True) if recorded else pl.lit(value=True)
    parts = [rows.filter(~pl.col("withdrawn") & asked).select("movie_id") for rows in LatestRows(table, day, columns=columns)]
    return pl.concat([pl.DataFrame(schema={"movie_id": pl.String}), *parts])


def read_newest_day(table: Table) -> date:
    """Return the newest day with a row. A build without changes leaves no row."""
    known = current_rows.read_day(table)
    if known is not None:
        return known
    newest = pc.max(table.scan(selected_fields=("event_timestamp",)).to_arrow().column("event_timestamp"))
    day: date = newest.as_py().date()
    return day


def _keep_newest(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the last row of each movie as of the end of `day`, by movie_id."""
    until = datetime.combine(day, time.max, tzinfo=UTC)
    # By their keys alone, so that the features are copied once.
    last = (
        rows.select("movie_id", *TIMES)
        .with_row_index("row")
        .filter(pl.col("event_timestamp") <= until)
        .sort("movie_id", *TIMES)
        .unique("movie_id", keep="last", maintain_order=True)
    )
    return rows[last["row"]]
