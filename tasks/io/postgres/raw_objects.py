"""Reads and writes table raw_object: which raw files and batches of answers the platform had on a day."""

from datetime import date

import psycopg

TMDB = "tmdb"
"""Name of the batches of TMDB's answers; the other names are those of IMDb's files."""


def write_raw_object(conn: psycopg.Connection, name: str, raw_key: str, day: date) -> None:
    """Record that these bytes came last on the day; nothing changes if they are recorded as the last ones already."""
    conn.execute(
        """insert into raw_object (name, raw_key, day) select %(name)s, %(raw_key)s, %(day)s
            where %(raw_key)s is distinct from
                (select raw_key from raw_object where name = %(name)s and day = %(day)s order by recorded_at desc limit 1)
            on conflict (name, raw_key, day) do update set recorded_at = clock_timestamp()""",
        {"name": name, "raw_key": raw_key, "day": day},
    )


def read_days(conn: psycopg.Connection) -> tuple[date, date] | None:
    """Return the first and the last day with all of IMDb's files, or None if nothing was ever ingested."""
    row = conn.execute("select min(day), max(day) from raw_object where name <> %s", [TMDB]).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


def read_files(conn: psycopg.Connection, day: date) -> dict[str, str]:
    """Return the key of each of IMDb's files as of the end of the day, by name."""
    rows = conn.execute(
        """select distinct on (name) name, raw_key from raw_object where name <> %s and day <= %s
            order by name, day desc, recorded_at desc""",
        [TMDB, day],
    )
    return dict(rows.fetchall())


def read_batches(conn: psycopg.Connection, day: date) -> list[str]:
    """Return the keys of all batches of TMDB's answers up to the end of the day, in the order in which they came."""
    query = "select raw_key from raw_object where name = %s and day <= %s order by day, recorded_at"
    return [raw_key for (raw_key,) in conn.execute(query, [TMDB, day]).fetchall()]
