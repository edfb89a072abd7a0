"""Compares the computed rows of a day with the offline store, slice by slice, and appends those that differ."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import polars as pl
from pyiceberg.table import Table

from tasks.core.features.changes import ContentHash, compute_changes, compute_restoration, merge_newest
from tasks.core.features.rows_by_id import RowsById, follow
from tasks.io.feast import current_rows, offline_store
from tasks.io.feast.latest_rows import LatestRows, read_newest_day
from tasks.io.feast.rows_file import RowsFile
from tasks.io.postgres.lease import Lease

log = logging.getLogger("tasks.feature_build")


@dataclass(frozen=True)
class Unchanged:
    """The days after those that are being built. They read afterwards as before."""

    first: date
    ingested: date
    """The newest ingest, which is a day to protect even if its build changed no row."""


@dataclass(frozen=True)
class Build:
    """The build of one day."""

    day: date
    unchanged: Unchanged
    known_at: datetime
    """The created_timestamp of the appended rows."""
    lease: Lease

    def append(self, computed: Iterable[pl.DataFrame]) -> None:
        """Append the rows that differ from the offline store's rows as of the day. computed: as compute_features yields them."""
        table = offline_store.open_table()
        newest = read_newest_day(table) if table is not None else None
        is_past = newest is not None and max(newest, self.unchanged.ingested) >= self.unchanged.first
        known = RowsById(LatestRows(table, self.day) if table is not None else ())
        later = RowsById(LatestRows(table, self.unchanged.first) if table is not None and is_past else ())
        content, number, changed, restored = ContentHash(), 0, 0, 0
        append: offline_store.Append | None = None
        for rows, last in follow(computed):
            changes = compute_changes(rows, known.take(last))
            restoration = self._restore(changes, later.take(last))
            content.add(rows)
            number, changed, restored = number + rows.height, changed + changes.height, restored + restoration.height
            stamped = offline_store.stamp(changes, self.day, self.known_at)
            if append is None and changes.height:
                table = table or offline_store.create_table(stamped)
                append = offline_store.Append(table, stamped)
            if append is not None:
                append.write(stamped)
                append.write(offline_store.stamp(restoration, self.unchanged.first, self.known_at))
        log.info("computed %d feature rows, content %s: %d changed", number, content.hexdigest()[:12], changed)
        if table is None or append is None:
            self._tag(table)
            return
        append.close()
        if is_past:
            log.info("%d of these rows are appended for %s as they were", restored, self.unchanged.first)
        is_newest = not is_past and (newest is None or newest <= self.day)
        properties = self._write_current(table, append, newest is None) if is_newest else {}
        parent = table.current_snapshot()
        identity = f"{parent.snapshot_id if parent else ''}:{content.hexdigest()}:{self.day}"
        build_id = hashlib.sha256(identity.encode()).hexdigest()[:16]
        snapshot_id = append.commit(build_id, properties, self.lease)
        log.info("appended %d rows for %s as snapshot %d, tagged build-%s", changed, self.day, snapshot_id, build_id)
        current_rows.remove_unused(table)

    def _restore(self, changes: pl.DataFrame, later: pl.DataFrame | None) -> pl.DataFrame:
        """Return the rows that give the first unchanged day its rows back; none if no day is after this one."""
        if later is None:
            return changes.clear()
        return compute_restoration(changes, later, datetime.combine(self.unchanged.first, time.min, tzinfo=UTC))

    def _tag(self, table: Table | None) -> None:
        """Tag the build that made the current rows, if it was killed before it did so."""
        if table is not None:
            with self.lease.held():
                offline_store.tag_build(table)
        log.info("nothing to append: the offline store already holds these rows")

    def _write_current(self, table: Table, append: offline_store.Append, is_first: bool) -> dict[str, str]:
        """Write the newest row of each movie as of this build; return the snapshot's properties that name the file."""
        if is_first:  # what is appended are the newest rows
            return current_rows.describe(append.address, self.day)
        changes = RowsById(current_rows.read_file(table, append.address))
        file: RowsFile | None = None
        for known, last in follow(LatestRows(table, self.day)):
            newest = offline_store.to_arrow(merge_newest(known, changes.take(last)))
            file = file or RowsFile(table, current_rows.make_address(table), newest.schema)
            file.write(newest)
        if file is None:
            raise RuntimeError(f"{offline_store.TABLE} has no rows as of {self.day}")
        file.close()
        return current_rows.describe(file.address, self.day)
