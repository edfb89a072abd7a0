"""Reads and writes the ledger of source files, and the quarantine of their rejected lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
import pyarrow as pa
from psycopg.rows import class_row

from tasks.core.imdb.checks import Counts
from tasks.core.imdb.lines import Rejected
from tasks.core.imdb.raw_file import RawFile, Validators
from tasks.io.postgres.tables import upsert


@dataclass(frozen=True)
class IngestedFile:
    """The row of the version of a file that the tables were loaded from."""

    name: str
    sha256: str
    raw_key: str
    bytes: int
    etag: str | None
    last_modified: str | None
    loaded: int
    skipped: int
    quarantined: int

    @property
    def validators(self) -> Validators:
        return Validators(self.etag, self.last_modified)

    @property
    def raw_file(self) -> RawFile:
        return RawFile(self.name, self.raw_key, self.sha256, self.bytes, self.validators)

    @property
    def counts(self) -> Counts:
        return Counts(self.loaded, self.skipped, self.quarantined)


def read_current_files(conn: psycopg.Connection) -> dict[str, IngestedFile]:
    with conn.cursor(row_factory=class_row(IngestedFile)) as cursor:
        cursor.execute(
            """select name, sha256, raw_key, bytes, etag, last_modified, loaded, skipped, quarantined
            from ingested_file where is_current"""
        )
        return {row.name: row for row in cursor}


def write_current_file(conn: psycopg.Connection, raw: RawFile, counts: Counts, day: date) -> None:
    """Make these bytes the file's current version; a version that was current before gets its row back."""
    conn.execute("update ingested_file set is_current = false where name = %s and is_current", [raw.name])
    conn.execute(
        """insert into ingested_file
            (name, sha256, raw_key, bytes, etag, last_modified, lines, loaded, skipped, quarantined, day, is_current)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, true)
        on conflict (name, sha256) do update set etag = excluded.etag, last_modified = excluded.last_modified,
            lines = excluded.lines, loaded = excluded.loaded, skipped = excluded.skipped, quarantined = excluded.quarantined,
            day = excluded.day, ingested_at = now(), is_current = true""",
        [
            *(raw.name, raw.sha256, raw.raw_key, raw.bytes, raw.validators.etag, raw.validators.last_modified),
            *(counts.lines, counts.loaded, counts.skipped, counts.quarantined, day),
        ],
    )


def write_validators(conn: psycopg.Connection, raw: RawFile) -> None:
    """Record the ETag and date under which the same bytes came again, so that the next fetch can be conditional."""
    conn.execute(
        """update ingested_file set etag = %s, last_modified = %s where name = %s and is_current
            and (etag, last_modified) is distinct from (%s, %s)""",
        [raw.validators.etag, raw.validators.last_modified, raw.name, raw.validators.etag, raw.validators.last_modified],
    )


def write_quarantine(conn: psycopg.Connection, raw: RawFile, rejected: Sequence[Rejected], day: date) -> None:
    """Write rejected lines to quarantine; lines of bytes that were loaded before are there already."""
    if not rejected:
        return
    rows = {
        "source": [raw.name] * len(rejected),
        "raw_key": [raw.raw_key] * len(rejected),
        "line": [line.line for line in rejected],
        "reason": [line.reason for line in rejected],
        "record": [line.record for line in rejected],
        "seen_on": [day] * len(rejected),
    }
    upsert(conn, "quarantine", pa.table(rows), ["source", "raw_key", "line"])
