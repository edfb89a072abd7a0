"""Compute every movie's feature row as of the day and append the rows that changed to the offline store.

Reads the movies database; writes the Iceberg table features.movies on S3: one tagged snapshot for a build with changes,
nothing for a build without.
"""

import hashlib
import logging
from datetime import UTC, date, datetime

import polars as pl

from tasks.command import main
from tasks.core.errors import BadInput
from tasks.core.features.changes import compute_changes, compute_content_hash
from tasks.core.features.compute import compute_features
from tasks.core.world_clock import compute_known_at
from tasks.io.feast import offline_store
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.movies import read_tables
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.build_features")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Build the rows of the day; a second build from the same sources finds no changed row and writes no snapshot."""
    with connect(settings) as conn:
        tables = read_tables(conn)
    log.info("read %d movies, %d credits, %d TMDB answers", tables.movie.height, tables.credit.height, tables.tmdb_movie.height)
    if tables.movie.is_empty():
        raise BadInput("there is no movie in the database: run ingest_imdb first")

    rows = compute_features(tables, day)
    content_hash = compute_content_hash(rows)

    with offline_store.reachable():
        append(rows, content_hash, day, compute_known_at(datetime.now(UTC), read_today(settings)), lease)


def append(rows: pl.DataFrame, content_hash: str, day: date, known_at: datetime, lease: Lease) -> None:
    """Append the rows that differ from the offline store's rows as of the day. known_at: their created_timestamp."""
    table = offline_store.open_table()
    changes = compute_changes(rows, offline_store.read_latest(table, day) if table is not None else None)
    log.info("computed %d feature rows, content %s: %d changed", rows.height, content_hash[:12], changes.height)
    if table is not None and changes.is_empty():
        with lease.held():
            offline_store.tag_build(table)
        log.info("nothing to append: the offline store already holds these rows")
        return
    parent = table.current_snapshot() if table is not None else None
    build_id = hashlib.sha256(f"{parent.snapshot_id if parent else ''}:{content_hash}:{day}".encode()).hexdigest()[:16]
    snapshot_id = offline_store.append_rows(changes, day, known_at, build_id, lease)
    log.info("appended %d rows for %s as snapshot %d, tagged build-%s", changes.height, day, snapshot_id, build_id)


if __name__ == "__main__":
    main(run, __doc__)
