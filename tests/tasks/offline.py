"""The offline store's rows as one frame, and rows appended to it by a test."""

from datetime import UTC, date, datetime

import polars as pl
from pyiceberg.table import Table

from tasks.io.feast import offline_store
from tasks.io.feast.latest_rows import LatestRows, PresentRows
from tasks.io.postgres.lease import Lease


def read_latest(table: Table, day: date, snapshot_id: int | None = None) -> pl.DataFrame:
    """Return the newest row of each movie, with withdrawn ones."""
    return pl.concat(LatestRows(table, day, snapshot_id))


def read_present(table: Table, day: date, snapshot_id: int | None = None) -> pl.DataFrame:
    """Return the rows of a feature set."""
    return pl.concat(PresentRows(table, day, snapshot_id))


def append_rows(rows: pl.DataFrame, day: date, build_id: str, lease: Lease) -> None:
    """Append rows without TIMES as a build that does not write the current rows does."""
    table = offline_store.open_table()
    assert table is not None
    stamped = offline_store.stamp(rows, day, datetime.now(UTC))
    append = offline_store.Append(table, stamped)
    append.write(stamped)
    append.close()
    append.commit(build_id, {}, lease)
