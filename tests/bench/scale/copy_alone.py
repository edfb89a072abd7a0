"""COPY alone of the rows that ingest_imdb keeps: the time of Postgres, which no loader can beat."""

import time
from pathlib import Path

import psycopg
from psycopg import sql

from tasks.core.imdb.files import FILES

PIECE_BYTES = 1 << 20
TABLES = tuple(file.table for file in FILES)
KEYS = "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'p'"


def measure_copy(connection: psycopg.Connection, folder: Path) -> dict[str, dict[str, float]]:
    """Return rows, bytes, and the seconds of COPY and of key and statistics, by table; the tables stay as they are.

    COPY writes each table's rows as ingest_imdb does: into a new table of the same transaction, with FREEZE.
    """
    return {table: _measure_table(connection, table, folder / f"{table}.csv") for table in TABLES}


def _measure_table(connection: psycopg.Connection, table: str, path: Path) -> dict[str, float]:
    old, new = sql.Identifier(table), sql.Identifier(f"{table}_bench")
    with path.open("wb") as file, connection.cursor().copy(sql.SQL("copy {} to stdout (format csv)").format(old)) as rows:
        for piece in rows:
            file.write(piece)
    with connection.transaction(force_rollback=True), path.open("rb") as file:
        connection.execute(sql.SQL("create table {} (like {} including all excluding indexes)").format(new, old))
        began = time.monotonic()
        with connection.cursor() as cursor:
            with cursor.copy(sql.SQL("copy {} from stdin (format csv, freeze)").format(new)) as copy:
                while piece := file.read(PIECE_BYTES):
                    copy.write(piece)
            copied_rows = cursor.rowcount
        copied = time.monotonic()
        for (definition,) in connection.execute(KEYS, [table]).fetchall():
            connection.execute(sql.SQL("alter table {} add {}").format(new, sql.SQL(definition)))
        connection.execute(sql.SQL("analyze {}").format(new))
        ended = time.monotonic()
    size = path.stat().st_size
    path.unlink()
    return {"rows": copied_rows, "bytes": size, "copy_seconds": copied - began, "key_seconds": ended - copied}
