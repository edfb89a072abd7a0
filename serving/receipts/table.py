"""The table of receipts in Postgres: a connection with a deadline for every call, and two ways to add rows."""

import math
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from serving.receipts.encode import COLUMNS, encode
from serving.receipts.receipt import Receipt

SCHEMA = "0003"
"""Revision of the newest migration in infra/setup/migrations/receipts."""
CONNECT_SECONDS, CALL_SECONDS = 3, 5.0
YIELD_SECONDS = 0.001
"""Sleep between two pieces of a batch, which passes the interpreter's lock to the event loop."""
DEADLINES: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    # These detect a server that disappears without closing the connection.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
LIMITS = b"""
    set statement_timeout = '5s'; set lock_timeout = '4s'; set idle_in_transaction_session_timeout = '10s'; set timezone = 'UTC'
"""
"""Set after connecting, so that `options` in the user's URL, such as a search_path, stay in effect."""
_NAMES = ", ".join(COLUMNS)
_COPY = f"copy receipt ({_NAMES}) from stdin (format binary)".encode()
_STAGE = b"create temp table again (like receipt) on commit drop"
_COPY_AGAIN = f"copy again ({_NAMES}) from stdin (format binary)".encode()
_MERGE = f"insert into receipt ({_NAMES}) select {_NAMES} from again on conflict do nothing".encode()  # noqa: S608  # our own names
_OUR_FAULT = (psycopg.DataError, psycopg.IntegrityError)


class TableUnavailable(Exception):
    """Error when Postgres is down or cannot accept rows now; it may accept the same rows later."""


class DeadlineConnection(psycopg.Connection[TupleRow]):
    """A connection whose waits end at `deadline`. TCP and SQL timeouts do not detect a paused server: its kernel responds."""

    deadline = math.inf

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        left = max(0.0, self.deadline - time.monotonic())
        return super().wait(gen, interval, left if timeout is None else min(left, timeout))


class ReceiptTable:
    """The table of receipts, for one thread. It connects when needed; a call that raises TableUnavailable may be repeated."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: DeadlineConnection | None = None

    def connect(self) -> None:
        """Connect, unless connected, and check the schema. Raise TableUnavailable."""
        if self._connection is not None and not self._connection.closed:
            return
        try:
            conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:  # its message contains the URL with the password
            raise TableUnavailable(
                "RECEIPTS_DATABASE_URL is not a libpq URL: postgresql://role:password@host:port/database"
            ) from None
        try:
            self._connection = DeadlineConnection.connect(
                self._url, application_name="marquee-receipts", autocommit=True, **DEADLINES
            )
            self._connection.deadline = time.monotonic() + CALL_SECONDS
            self._connection.execute(LIMITS)
            check_schema(self._connection)
        except TableUnavailable:
            self._drop()
            raise
        except psycopg.Error as error:
            raise self._give_up(error) from error

    def write(self, receipts: Sequence[Receipt], again: bool) -> None:
        """Add all receipts or none. Raise TableUnavailable, or another error for a receipt that cannot become a row.

        again: skip receipts that are already in the table, because an earlier try may have succeeded.
        """
        self.connect()
        conn = self._connection
        assert conn is not None, "connected"  # noqa: S101  # for mypy
        conn.deadline = time.monotonic() + CALL_SECONDS
        try:
            if again:
                with conn.transaction():
                    conn.execute(_STAGE)
                    copy(conn, _COPY_AGAIN, receipts)
                    conn.execute(_MERGE)
            else:
                copy(conn, _COPY, receipts)
        except _OUR_FAULT:
            raise
        except psycopg.Error as error:
            raise self._give_up(error) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _drop(self) -> None:
        self.close()
        self._connection = None

    def _give_up(self, error: psycopg.Error) -> TableUnavailable:
        self._drop()
        if isinstance(error, psycopg.errors.QueryCanceled) or type(error).__name__ in ("_WaitTimeout", "ConnectionTimeout"):
            return TableUnavailable("Postgres does not answer in time")
        said = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
        return TableUnavailable(f"Postgres ({error.sqlstate or 'no connection'}): {said}")


def copy(conn: DeadlineConnection, statement: bytes, receipts: Sequence[Receipt]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as rows:
        for piece in encode(receipts):
            rows.write(piece)
            time.sleep(YIELD_SECONDS)


def check_schema(conn: DeadlineConnection) -> None:
    """Raise TableUnavailable unless the database has the schema that this version writes; infra/setup creates it."""
    try:
        row = conn.execute(b"select version_num from receipts_schema_version").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    if row is None or row[0] != SCHEMA:
        found = f"schema {row[0]}" if row else "no schema"
        raise TableUnavailable(
            f"the receipts database has {found}, and this release of the API needs schema {SCHEMA}: "
            "run `make up` or `docker compose up setup`"
        )
