"""Connects to the movies database, with deadlines and limits, and translates the errors of Postgres into task errors."""

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
    # A server that vanished silently is noticed after a minute and a half.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 90_000,
}
LIMITS = b"""
    set statement_timeout = '30min'; set lock_timeout = '60s'; set idle_in_transaction_session_timeout = '15min';
    set client_connection_check_interval = '10s'; -- a killed task's statement ends, and frees its locks;
    set tcp_user_timeout = '2min' -- so does one whose rows nobody takes any more: by itself it would wait a quarter of an hour
"""
"""Set after connecting, so that `options` in the URL, such as a search_path, stay as the user wrote them."""
CONNECTION_LOST = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""The errors of a server that does not answer, ended the session, or held a lock too long."""
DENIAL_PHRASES = ("authentication failed", "no password supplied", "pg_hba.conf")


class PostgresSettings(Protocol):
    """The settings this file reads."""

    @property
    def movies_database_url(self) -> SecretStr: ...


@contextmanager
def connect(settings: PostgresSettings, name: str = "marquee-tasks") -> Iterator[psycopg.Connection]:
    """Open a connection; the block's end commits, an error in it rolls back.

    Raises Unavailable if the server does not answer, has no room or holds a lock too long; AccessDenied for wrong credentials;
    UnknownSchema for the schema of another release.
    """
    with translate_errors(), open_session(settings, name) as conn:
        yield conn


def open_session(settings: PostgresSettings, name: str, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection without a block; the caller closes it and translates its errors."""
    conn = open_connection(settings.movies_database_url, MOVIES, name, autocommit)
    try:
        check_schema(conn, MOVIES, MOVIES_SCHEMA)
    except BaseException:
        conn.close()
        raise
    return conn


def open_connection(url: SecretStr, setting: str, name: str, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection with deadlines and limits to the database that a setting names; do not check its schema."""
    try:
        conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError:  # its text shows the URL, password included
        raise BadSetting(f"{setting} is not a libpq URL: write postgresql://role:password@host:port/database") from None
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
    """Within the block, turn errors of the server and of the connection into task errors. setting: names the URL in them."""
    try:
        yield
    except CONNECTION_LOST as error:
        raise to_task_error(error, setting) from error


def to_task_error(error: psycopg.Error, setting: str) -> TaskError:
    """Return the task error for an error of Postgres.

    Errors while connecting have no code, only libpq's text, which does not contain the password.
    """
    text = str(error).strip()
    if error.sqlstate in ("28000", "28P01") or any(words in text for words in DENIAL_PHRASES):
        return AccessDenied(f"{setting}: Postgres refuses the role or its password: {text}")
    if error.sqlstate == "3D000" or ('database "' in text and "does not exist" in text):
        return BadSetting(f"{setting}: {text}")
    return Unavailable(f"Postgres ({error.sqlstate or 'no connection'}): {text}")
