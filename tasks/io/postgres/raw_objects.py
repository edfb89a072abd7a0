"""Reads and writes table raw_object: which raw files and batches of answers the platform had on a day."""

from collections.abc import Sequence
from datetime import date

import psycopg
from psycopg.rows import class_row

from tasks.core.errors import WrongDay
from tasks.core.raw_retention import Version

TMDB = "tmdb"
"""Name of the batches of TMDB's answers; the other names are those of IMDb's files."""


def write_raw_object(conn: psycopg.Connection, name: str, raw_key: str, day: date) -> None:
    """Record that these bytes came last on the day; nothing changes if they are recorded as the last ones already.

    Bytes that had been removed are kept again, because the ingest has just stored them.
    """
    conn.execute(
        """insert into raw_object (name, raw_key, day) select %(name)s, %(raw_key)s, %(day)s
            where %(raw_key)s is distinct from
                (select raw_key from raw_object where name = %(name)s and day = %(day)s order by recorded_at desc limit 1)
            on conflict (name, raw_key, day) do update set recorded_at = clock_timestamp()""",
        {"name": name, "raw_key": raw_key, "day": day},
    )
    conn.execute("update raw_object set state = 'kept' where raw_key = %s and state <> 'kept'", [raw_key])


def read_days(conn: psycopg.Connection) -> tuple[date, date] | None:
    """Return the first and the last day with all of IMDb's files, or None if nothing was ever ingested."""
    row = conn.execute("select min(day), max(day) from raw_object where name <> %s", [TMDB]).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


def read_files(conn: psycopg.Connection, day: date) -> dict[str, str]:
    """Return the key of each of IMDb's files as of the end of the day, by name. Raise WrongDay if one was removed."""
    rows = conn.execute(
        """select distinct on (name) name, raw_key, state from raw_object where name <> %s and day <= %s
            order by name, day desc, recorded_at desc""",
        [TMDB, day],
    ).fetchall()
    removed = [name for name, _, state in rows if state != "kept"]
    if removed:
        raise WrongDay(
            f"{day} cannot be built again: {', '.join(removed)} of that day were removed. Kept are KEEP_RAW_DAYS days, the first"
            " day of each month and the days of deployments"
        )
    return {name: raw_key for name, raw_key, _ in rows}


def read_batches(conn: psycopg.Connection, day: date) -> list[str]:
    """Return the keys of all batches of TMDB's answers up to the end of the day, in the order in which they came."""
    query = "select raw_key from raw_object where name = %s and day <= %s order by day, recorded_at"
    return [raw_key for (raw_key,) in conn.execute(query, [TMDB, day]).fetchall()]


def read_versions(conn: psycopg.Connection) -> list[Version]:
    """Return what each day's ingest had of IMDb's files, also if it was removed, in the order in which it came."""
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        query = "select name, raw_key, day from raw_object where name <> %s order by day, recorded_at"
        return cursor.execute(query, [TMDB]).fetchall()


def start_removal(conn: psycopg.Connection, raw_keys: Sequence[str]) -> None:
    """From here on no day is built from these files."""
    conn.execute("update raw_object set state = 'removing' where raw_key = any(%s) and state = 'kept'", [list(raw_keys)])


def read_removals(conn: psycopg.Connection) -> list[str]:
    """Return the keys whose removal has begun, also by a run that was killed."""
    query = "select distinct raw_key from raw_object where state = 'removing' order by raw_key"
    return [raw_key for (raw_key,) in conn.execute(query).fetchall()]


def mark_removed(conn: psycopg.Connection, raw_key: str) -> None:
    conn.execute("update raw_object set state = 'removed' where raw_key = %s", [raw_key])
