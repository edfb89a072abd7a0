"""Compute every movie's feature row as of the day and append the rows that changed to the offline store.

Reads the movies database; writes the Iceberg table features.movies on S3: one tagged snapshot for a build with changes,
nothing for a build without. An earlier day than that of the newest ingest is built from the archive of raw files as that day's
ingest left them, and every day after it reads as before. With --since, builds each day from that one on, in order.
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from tasks.command import main
from tasks.core.errors import BadInput, WrongDay
from tasks.core.features.changes import compute_changes, compute_content_hash, compute_restoration
from tasks.core.features.compute import Tables, compute_features
from tasks.core.world_clock import compute_known_at
from tasks.io.feast import offline_store
from tasks.io.past_tables import PastTables
from tasks.io.postgres import raw_objects
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.movies import read_tables
from tasks.io.s3.bucket import Bucket
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.build_features")

ONE_DAY = timedelta(days=1)


def run(settings: Settings, day: date, lease: Lease, since: date | None = None) -> None:
    """Build the rows of the day, or of each day from `since` to it; again from the same sources it finds no changed row."""
    if since is not None and since > day:
        raise WrongDay(f"{since} is after {day}: give the first day, then the last one")
    with connect(settings) as conn:
        archived = raw_objects.read_days(conn)
    past, first = PastTables(Bucket.from_settings(settings)), since or day
    for built in (first + ONE_DAY * number for number in range((day - first).days + 1)):
        tables = read_tables_of(settings, built, archived, past)
        log.info(
            "%s: read %d movies, %d credits, %d TMDB answers",
            *(built, tables.movie.height, tables.credit.height, tables.tmdb_movie.height),
        )
        if tables.movie.is_empty():
            raise BadInput("there is no movie in the database: run ingest_imdb first")
        rows = compute_features(tables, built)
        known_at = compute_known_at(datetime.now(UTC), read_today(settings))
        with offline_store.reachable():
            append(rows, built, Unchanged(day + ONE_DAY, archived[1] if archived else day), known_at, lease)


def read_tables_of(settings: Settings, day: date, archived: tuple[date, date] | None, past: PastTables) -> Tables:
    """Return the tables of the day: the database's for the day of the newest ingest and later ones, else the archive's.

    archived: the first and the last day of the archive. Raise WrongDay for a day before it.
    """
    with connect(settings) as conn:
        if archived is None or day >= archived[1]:
            return read_tables(conn)
        if day < archived[0]:
            raise WrongDay(f"the archive of raw files begins on {archived[0]}: there is nothing to build {day} from")
        files, batches = raw_objects.read_files(conn, day), raw_objects.read_batches(conn, day)
    return past.read(files, batches, day)


@dataclass(frozen=True)
class Unchanged:
    """The days after those that are being built. They read afterwards as before."""

    first: date
    ingested: date
    """The newest ingest, which is a day to protect even if its build changed no row."""


def append(rows: pl.DataFrame, day: date, unchanged: Unchanged, known_at: datetime, lease: Lease) -> None:
    """Append the rows that differ from the offline store's rows as of the day. known_at: their created_timestamp."""
    table, content_hash = offline_store.open_table(), compute_content_hash(rows)
    changes = compute_changes(rows, offline_store.read_latest(table, day) if table is not None else None)
    log.info("computed %d feature rows, content %s: %d changed", rows.height, content_hash[:12], changes.height)
    if table is not None and changes.is_empty():
        with lease.held():
            offline_store.tag_build(table)
        log.info("nothing to append: the offline store already holds these rows")
        return
    parts = {day: changes}
    if table is not None and max(offline_store.read_newest_day(table), unchanged.ingested) >= unchanged.first:
        later = offline_store.read_latest(table, unchanged.first)
        start = datetime.combine(unchanged.first, time.min, tzinfo=UTC)
        parts[unchanged.first] = compute_restoration(changes, later, start)
        log.info("%d of these rows are appended for %s as they were", parts[unchanged.first].height, unchanged.first)
    parent = table.current_snapshot() if table is not None else None
    build_id = hashlib.sha256(f"{parent.snapshot_id if parent else ''}:{content_hash}:{day}".encode()).hexdigest()[:16]
    snapshot_id = offline_store.append_rows(parts, known_at, build_id, lease)
    log.info("appended %d rows for %s as snapshot %d, tagged build-%s", changes.height, day, snapshot_id, build_id)


if __name__ == "__main__":
    main(run, __doc__, days={"since": "the first day to build, YYYY-MM-DD; --day is then the last one"})
