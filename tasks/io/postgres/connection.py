"""The movies database: one way to connect; how its tables are written stands in postgres_tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tasks.core.errors import AccessDenied, BadSetting, TaskError, Unavailable
from tasks.io.postgres.schema_version import MOVIES_SCHEMA, check_schema

MOVIES = "MOVIES_DATABASE_URL"
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
    """A connection to a database of the schema that the tasks need: commits at the end of the block, rolls back on an error.

    A server that is away or goes away, has no room, or holds a lock too long is Unavailable; wrong credentials are AccessDenied;
    a schema of another release is UnknownSchema.
    """
    with translate_errors(), open_session(settings, name) as conn:
        yield conn


def open_session(settings: PostgresSettings, name: str, autocommit: bool = False) -> psycopg.Connection:
    """The same without a block: closing it and understanding its errors is left to the caller."""
    conn = open_connection(settings.movies_database_url, MOVIES, name, autocommit)
    try:
        check_schema(conn, MOVIES, MOVIES_SCHEMA)
    except BaseException:
        conn.close()
        raise
    return conn


def open_connection(url: SecretStr, setting: str, name: str, autocommit: bool = False) -> psycopg.Connection:
    """A connection with deadlines and limits to the database that a setting names; its schema is not looked at."""
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
