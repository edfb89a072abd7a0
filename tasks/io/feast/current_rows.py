"""The newest row of each movie after a build, in one Parquet file beside the table.

A day's build and what follows it read this file and not all rows that the table ever had. The build's snapshot names the file in
its properties. A snapshot without one (of an earlier release, or of a build for a past day) is read from the table's history.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import polars as pl
import pyarrow.parquet as pq
from pyiceberg.table import Table

FILE = "marquee.current-rows"
"""Snapshot property: the file's address."""
DAY = "marquee.newest-day"
"""Snapshot property: the newest day with a row."""


def make_address(table: Table) -> str:
    """Return the address of a new file."""
    return f"{_folder(table)}{uuid.uuid4()}.parquet"


def describe(address: str, day: date) -> dict[str, str]:
    """Return the properties of the snapshot whose newest rows are in this file. day: the newest day with a row."""
    return {FILE: address, DAY: day.isoformat()}


def read(table: Table, day: date, snapshot_id: int | None, columns: Sequence[str]) -> Iterator[pl.DataFrame] | None:
    """Return the rows as of `day` in slices; None if there is no file of them, or the snapshot has rows of a later day."""
    found = _read_properties(table, snapshot_id)
    if FILE not in found or day < date.fromisoformat(found[DAY]) or not table.io.new_input(found[FILE]).exists():
        return None
    return read_file(table, found[FILE], columns)


def read_day(table: Table) -> date | None:
    """Return the newest day with a row, if the current snapshot says so."""
    found = _read_properties(table, None)
    return date.fromisoformat(found[DAY]) if DAY in found else None


def list_kept(table: Table) -> list[str]:
    """Return the addresses of the files of the last two snapshots: a reader may still read that of the last but one."""
    return [address for address in _list_named(table)[-2:] if address is not None]


def remove_unused(table: Table) -> None:
    """Remove the other snapshots' files."""
    for address in _list_named(table)[:-2]:
        # The first build's file is the table's own.
        if address is not None and address.startswith(_folder(table)) and table.io.new_input(address).exists():
            table.io.delete(address)


def _list_named(table: Table) -> list[str | None]:
    """Return the file that each snapshot names, in their order."""
    return [snapshot.summary.additional_properties.get(FILE) if snapshot.summary else None for snapshot in table.snapshots()]


def _folder(table: Table) -> str:
    return f"{table.location()}/current/"


def _read_properties(table: Table, snapshot_id: int | None) -> Mapping[str, str]:
    snapshot = table.current_snapshot() if snapshot_id is None else table.snapshot_by_id(snapshot_id)
    return {} if snapshot is None or snapshot.summary is None else snapshot.summary.additional_properties


def read_file(table: Table, address: str, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file, a frame for each of its row groups.

    columns: those of the file by default; a column that it does not have is null.
    """
    with table.io.new_input(address).open() as source, pq.ParquetFile(source) as file:
        held = file.schema_arrow.names
        wanted = held if columns is None else columns
        for number in range(file.num_row_groups):
            rows = pl.DataFrame(file.read_row_group(number, columns=[name for name in wanted if name in held]))
            yield rows.select(pl.col(name) if name in held else pl.lit(None, pl.Float64).alias(name) for name in wanted)
