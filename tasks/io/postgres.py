"""The movies database: one way to connect, to replace a whole table, and to write the rows that changed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tasks.core.copy_text import render_copy_text
from tasks.core.errors import BadSetting, Refused, TaskError, Unavailable

SCHEMA = Path(__file__).with_name("schema.sql")
DEADLINES: dict[str, Any] = {
    "connect_timeout": 10,
    # A server that vanished without a word is noticed after a minute and a half.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 90_000,
}
LIMITS = b"set statement_timeout = '30min'; set lock_timeout = '60s'; set idle_in_transaction_session_timeout = '15min'"
"""Set after connecting, so that `options` in the URL (a search_path, say) stay the user's."""
PIECE_BYTES = 1 << 20
NEW = "_new"
"""Suffix of a table, and of its indexes, while it is being filled beside the old one."""


class PostgresSettings(Protocol):
    """The settings this file reads."""

    @property
    def movies_database_url(self) -> SecretStr: ...


@contextmanager
def connect(settings: PostgresSettings) -> Iterator[psycopg.Connection]:
    """A connection with the schema in place: commits at the end of the block, rolls back on an error.

    A server that is away or goes away, has no room, or holds a lock too long is Unavailable; wrong credentials are Refused.
    """
    url = settings.movies_database_url.get_secret_value()
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text shows the URL, password included
        raise BadSetting("MOVIES_DATABASE_URL is no libpq URL: write postgresql://role:password@host:port/database") from None
    try:
        with psycopg.connect(url, application_name="marquee-tasks", **DEADLINES) as conn:
            with conn.transaction():
                conn.execute(LIMITS)
            apply_schema(conn)
            yield conn
    except psycopg.OperationalError as error:
        raise understood(error) from error


def understood(error: psycopg.OperationalError) -> TaskError:
    """What the reader of the log should do; errors of the start carry no code, only libpq's text, which has no password."""
    text = str(error).strip()
    if (
        error.sqlstate in ("28000", "28P01")
        or "authentication failed" in text
        or "no password supplied" in text
        or "pg_hba.conf" in text
    ):
        return Refused(f"MOVIES_DATABASE_URL: Postgres refuses the role or its password: {text}")
    if error.sqlstate == "3D000" or ('database "' in text and "does not exist" in text):
        return BadSetting(f"MOVIES_DATABASE_URL: {text}")
    return Unavailable(f"Postgres ({error.sqlstate or 'no connection'}): {text}")


def apply_schema(conn: psycopg.Connection) -> None:
    """Apply schema.sql once for each version of the file.

    Not at every start: its statements, even when they change nothing, wait for whoever is writing those tables.
    """
    text = SCHEMA.read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    with conn.transaction():
        # Not to_regclass: it may answer from before the commit of a task that applied the schema while we waited.
        found = conn.execute(
            "select from pg_tables where schemaname = current_schema and tablename = 'applied_schema'"
        ).fetchone()
        if found is not None and schema_is_applied(conn, digest):
            return
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtext('marquee schema'))")
        conn.execute("create table if not exists applied_schema (sha256 text primary key, applied_at timestamptz not null)")
        if schema_is_applied(conn, digest):
            return
        conn.execute(text.encode())
        conn.execute("comment on table applied_schema is 'Versions of tasks/io/schema.sql that this database has.'")
        conn.execute("insert into applied_schema values (%s, now())", [digest])


def schema_is_applied(conn: psycopg.Connection, digest: str) -> bool:
    return conn.execute("select from applied_schema where sha256 = %s", [digest]).fetchone() is not None


def replace_table(conn: psycopg.Connection, table: str, rows: pa.Table | Iterable[pa.Table]) -> int:
    """Make `rows` the whole content of the table, in the caller's transaction; returns their number.

    Readers see the old rows until the caller commits. Rows that break the table's keys or checks are a psycopg.Error.
    """
    loaded = fill_new_table(conn, table, rows)
    swap_new_table(conn, table)
    return loaded


def fill_new_table(conn: psycopg.Connection, table: str, rows: pa.Table | Iterable[pa.Table]) -> int:
    """The long half of replace_table: fills and indexes `<table>_new`, taking no lock that a reader or writer would meet."""
    old, new = sql.Identifier(table), sql.Identifier(table + NEW)
    conn.execute(sql.SQL("create table {} (like {} including all excluding indexes)").format(new, old))
    # COPY FREEZE needs a table made in this transaction; keys are six times cheaper after the rows than during them.
    loaded = copy_rows(conn, table + NEW, rows, freeze=True)
    for name, definition in conn.execute(KEYS, [table]).fetchall():
        add = sql.SQL("alter table {} add constraint {} {}")
        conn.execute(add.format(new, sql.Identifier(name + NEW), sql.SQL(definition)))
    for name, kind, definition in conn.execute(INDEXES, [table]).fetchall():
        create = sql.SQL("create {} {} on {} using {}")
        conn.execute(create.format(sql.SQL(kind), sql.Identifier(name + NEW), new, sql.SQL(definition)))
    comment = conn.execute("select obj_description(%s::regclass, 'pg_class')", [table]).fetchone()
    conn.execute(sql.SQL("comment on table {} is {}").format(new, sql.Literal(comment[0] if comment else None)))
    for privilege, role in conn.execute(GRANTS, [table]).fetchall():
        conn.execute(sql.SQL("grant {} on {} to {}").format(sql.SQL(privilege), new, sql.SQL(role)))
    conn.execute(sql.SQL("analyze {}").format(new))
    return loaded


KEYS = """select conname, pg_get_constraintdef(oid) from pg_constraint
    where conrelid = %s::regclass and contype in ('p', 'u', 'x') order by conname"""
INDEXES = """select c.relname, case when indisunique then 'unique index' else 'index' end,
        substring(pg_get_indexdef(indexrelid) from ' USING (.*)$')
    from pg_index join pg_class c on c.oid = indexrelid
    where indrelid = %s::regclass and not exists (select from pg_constraint where conindid = indexrelid) order by 1"""
GRANTS = """select privilege_type, case grantee when 0 then 'public' else grantee::regrole::text end
    from pg_class, aclexplode(relacl) where oid = %s::regclass and grantee <> relowner"""


def swap_new_table(conn: psycopg.Connection, table: str) -> None:
    """The short half of replace_table: puts `<table>_new` in the table's place; readers wait from here to the caller's commit."""
    old, new = sql.Identifier(table), sql.Identifier(table + NEW)
    conn.execute(sql.SQL("drop table {}").format(old))
    conn.execute(sql.SQL("alter table {} rename to {}").format(new, old))
    indexes = "select relname from pg_index join pg_class c on c.oid = indexrelid where indrelid = %s::regclass"
    for (index,) in conn.execute(indexes, [table]).fetchall():
        rename = sql.SQL("alter index {} rename to {}")
        conn.execute(rename.format(sql.Identifier(index), sql.Identifier(index.removesuffix(NEW))))


def upsert(conn: psycopg.Connection, table: str, rows: pa.Table, key: Sequence[str]) -> int:
    """Write rows by key, touching only those that differ in a column given; returns how many were new or different.

    Columns that `rows` lacks keep their value, or get their default. `rows` may hold a key only once.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    others = [sql.Identifier(name) for name in rows.column_names if name not in key]
    given = sql.Identifier(f"{table}_given")
    conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(given))
    like = sql.SQL("create temp table {} on commit drop as select {} from {} with no data")
    conn.execute(like.format(given, columns, sql.Identifier(table)))
    copy_rows(conn, f"{table}_given", rows)
    insert = sql.SQL("insert into {} as t ({}) select {} from {} on conflict ({}) do ").format(
        sql.Identifier(table), columns, columns, given, sql.SQL(", ").join(map(sql.Identifier, key))
    )
    if not others:
        return conn.execute(insert + sql.SQL("nothing")).rowcount
    update = sql.SQL("update set {} where ({}) is distinct from ({})").format(
        sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in others),
        sql.SQL(", ").join(sql.SQL("t.{}").format(name) for name in others),
        sql.SQL(", ").join(sql.SQL("excluded.{}").format(name) for name in others),
    )
    return conn.execute(insert + update).rowcount


def copy_rows(conn: psycopg.Connection, table: str, rows: pa.Table | Iterable[pa.Table], freeze: bool = False) -> int:
    """Append rows through COPY, one Arrow table after another, so that memory holds one at a time; returns their number."""
    copied = 0
    for batch in [rows] if isinstance(rows, pa.Table) else rows:
        if batch.num_rows == 0:
            continue
        columns = sql.SQL(", ").join(map(sql.Identifier, batch.column_names))
        options = sql.SQL("format csv, freeze" if freeze else "format csv")
        text = memoryview(render_copy_text(batch))
        with conn.cursor() as cursor:
            with cursor.copy(sql.SQL("copy {} ({}) from stdin ({})").format(sql.Identifier(table), columns, options)) as copy:
                for start in range(0, len(text), PIECE_BYTES):
                    copy.write(text[start : start + PIECE_BYTES])
            copied += cursor.rowcount
    return copied
