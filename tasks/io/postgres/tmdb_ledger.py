"""Reads and writes TMDB's tables: the movies, the ledger of requests, and the day up to which the changes are known."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg

from tasks.core.tmdb.batch import BatchRows
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.raw_objects import TMDB, write_raw_object
from tasks.io.postgres.tables import upsert
from tasks.io.s3.bucket import Bucket

log = logging.getLogger("tasks.tmdb")

CHANGES = "tmdb/movie/changes"
"""Name of the list of changes in table ingested_file."""
_COUNT_BLANKS = """update tmdb_request set blank_since = case when outcome <> 'found' then coalesce(blank_since, requested_on) end
    where movie_id = any(%s)"""


@dataclass(frozen=True)
class Changes:
    """TMDB ids that changed from `start` to `end`; `known` of them belong to movies in our database."""

    start: date
    end: date
    tmdb_ids: Sequence[int]
    known: int


def read_changes_start(conn: psycopg.Connection, day: date) -> date:
    """Return the day from which a run of `day` asks for changes: the last one before it up to which they are known.

    That day may have had more changes since. It is `day` on a first run, and a later one if the changes of `day` are known.
    A second run of a day asks from where the first one did, and so keeps the same record.
    """
    query = "select max(day), max(day) filter (where day < %s) from ingested_file where name = %s"
    last, before = conn.execute(query, [day, CHANGES]).fetchone() or (None, None)
    return last if last is not None and last > day else before or day


def write_batch(lease: Lease, rows: BatchRows, raw_key: str, archive_day: date) -> None:
    """Write one batch, and archive its key, in one transaction; the same batch again changes nothing."""
    with lease.held() as conn:
        _delete_lost_rows(conn, rows)
        upsert(conn, "tmdb_movie", rows.movies, ["movie_id"])
        upsert(conn, "tmdb_request", rows.requests, ["movie_id"])
        conn.execute(_COUNT_BLANKS, [rows.requests.column("movie_id").to_pylist()])
        upsert(conn, "quarantine", rows.quarantine, ["source", "raw_key", "line"])
        write_raw_object(conn, TMDB, raw_key, archive_day)


def _delete_lost_rows(conn: psycopg.Connection, rows: BatchRows) -> None:
    """Delete movies that TMDB deleted, and movies with a TMDB id that now belongs to another movie of this batch."""
    requests = rows.requests.select(["movie_id", "outcome"]).to_pylist()
    absent = [request["movie_id"] for request in requests if request["outcome"] == "absent"]
    conn.execute("delete from tmdb_movie where movie_id = any(%s)", [absent])
    moved = conn.execute(
        """delete from tmdb_movie t using unnest(%s::bigint[], %s::text[]) as fetched (tmdb_id, movie_id)
            where t.tmdb_id = fetched.tmdb_id and t.movie_id <> fetched.movie_id
            returning t.movie_id, t.tmdb_id, fetched.movie_id""",
        [rows.movies.column("tmdb_id").to_pylist(), rows.movies.column("movie_id").to_pylist()],
    ).fetchall()
    for movie_id, tmdb_id, owner in moved:
        log.warning("%s: TMDB id %d now belongs to %s", movie_id, tmdb_id, owner)
        conn.execute("update tmdb_request set outcome = 'quarantined', tmdb_id = null where movie_id = %s", [movie_id])
        conn.execute(
            """insert into quarantine (source, raw_key, line, reason, record, seen_on)
                select 'tmdb', raw_key, raw_row, %s, movie_id, requested_on from tmdb_request where movie_id = %s
                on conflict do nothing""",
            [f"TMDB {tmdb_id} became {owner}", movie_id],
        )


def write_changes(lease: Lease, bucket: Bucket, changes: Changes) -> None:
    """Record that the changes up to `end` are known, and keep their ids."""
    ids = list(changes.tmdb_ids)
    body = json.dumps({"start": changes.start.isoformat(), "end": changes.end.isoformat(), "ids": ids}).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    raw_key = f"raw/tmdb/changes/{sha256}.json"
    bucket.put_once(raw_key, body)
    with lease.held() as conn:
        conn.execute(
            "update ingested_file set is_current = false where name = %s and is_current and sha256 <> %s", [CHANGES, sha256]
        )
        conn.execute(
            """insert into ingested_file (name, sha256, raw_key, bytes, lines, loaded, skipped, quarantined, day, is_current)
            values (%s, %s, %s, %s, %s, %s, %s, 0, %s, true) on conflict (name, sha256) do nothing""",
            [CHANGES, sha256, raw_key, len(body), len(ids), changes.known, len(ids) - changes.known, changes.end],
        )
