"""The movies database: one way to connect; how its tables are written stands in postgres_tables."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tasks.core.errors import AccessDenied, BadSetting, TaskError, Unavailable

MOVIES = "MOVIES_DATABASE_URL"
SCHEMA = Path(__file__).with_name("schema.sql")
DEADLINES: dict[str, Any] = {
    "connect_timeout": 10,
    # A server that vanished without a word is noticed after a minute and a half.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 90_000,
}
LIMITS = b"""
    set statement_timeout = '30min'; set lock_timeout = '60s'; set idle_in_transaction_session_timeout = '15min';
    set client_connection_check_interval = '10s' -- a killed task's statement ends, and frees its locks
"""
"""Set after connecting, so that `options` in the URL (a search_path, say) stay the user's."""
CONNECTION_LOST = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""The server is away, ended the session, or held a lock too long."""
DENIAL_PHRASES = ("authentication failed", "no password supplied", "pg_hba.conf")


class PostgresSettings(Protocol):
    """The settings this file reads."""

    @property
    def movies_database_url(self) -> SecretStr: ...


@contextmanager
def connect(settings: PostgresSettings, name: str = "marquee-tasks") -> Iterator[psycopg.Connection]:
    """A connection with the schema in place: commits at the end of the block, rolls back on an error.

    A server that is away or goes away, has no room, or holds a lock too long is Unavailable; wrong credentials are AccessDenied.
    """
    with translate_errors(), open_session(settings, name) as conn:
        yield conn


def open_session(settings: PostgresSettings, name: str, autocommit: bool = False) -> psycopg.Connection:
    """The same without a block: closing it and understanding its errors is left to the caller."""
    conn = open_connection(settings.movies_database_url, MOVIES, name, autocommit)
    try:
        apply_schema(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def open_connection(url: SecretStr, setting: str, name: str, autocommit: bool = False) -> psycopg.Connection:
    """A connection with deadlines and limits to the database that a setting names, without our schema."""
    try:
        conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError:  # its text shows the URL, password included
        raise BadSetting(f"{setting} is no libpq URL: write postgresql://role:password@host:port/database") from None
    conn = psycopg.connect(url.get_secret_value(), application_name=name, autocommit=autocommit, **DEADLINES)
    try:
        with conn.transaction():
            conn.execute(LIMITS)
    except BaseException:
        conn.close()
        raise
    return conn


@contextmanager
def translate_errors(setting: str = MOVIES) -> Iterator[None]:
    """Within the block, what a server or connection may suffer is the error that says what to do; `setting` names it."""
    try:
        yield
    except CONNECTION_LOST as error:
        raise to_task_error(error, setting) from error


def to_task_error(error: psycopg.Error, setting: str) -> TaskError:
    """What the reader of the log should do; errors of the start carry no code, only libpq's text, which has no password."""
    text = str(error).strip()
    if error.sqlstate in ("28000", "28P01") or any(words in text for words in DENIAL_PHRASES):
        return AccessDenied(f"{setting}: Postgres refuses the role or its password: {text}")
    if error.sqlstate == "3D000" or ('database "' in text and "does not exist" in text):
        return BadSetting(f"{setting}: {text}")
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
        conn.execute("comment on table applied_schema is 'Versions of tasks/io/postgres/schema.sql that this database has.'")
        conn.execute("insert into applied_schema values (%s, now())", [digest])


def schema_is_applied(conn: psycopg.Connection, digest: str) -> bool:
    return conn.execute("select from applied_schema where sha256 = %s", [digest]).fetchone() is not None
