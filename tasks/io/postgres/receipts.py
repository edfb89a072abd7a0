"""Reads and deletes the receipts of predictions, which the API keeps in a database of its own."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

import psycopg
from psycopg.rows import class_row
from pydantic import SecretStr

from tasks.core.audit.receipts import Receipt
from tasks.core.errors import BadSetting
from tasks.io.postgres.connection import open_connection, translate_errors
from tasks.io.postgres.schema_version import RECEIPTS_SCHEMA, check_schema

SETTING = "RECEIPTS_DATABASE_URL"
COLUMNS = ", ".join(Receipt.__dataclass_fields__)


class ReceiptSettings(Protocol):
    """The settings this file reads."""

    @property
    def receipts_database_url(self) -> SecretStr | None: ...


@contextmanager
def connect(settings: ReceiptSettings) -> Iterator[psycopg.Connection]:
    """Open a connection that commits at the end of the block.

    Raises Unavailable if the server does not answer, UnknownSchema if the schema is that of another release.
    """
    if settings.receipts_database_url is None:
        raise BadSetting(f"{SETTING} is not set: it names the database in which the API keeps its receipts")
    with translate_errors(SETTING), open_connection(settings.receipts_database_url, SETTING, "marquee-tasks receipts") as conn:
        check_schema(conn, SETTING, RECEIPTS_SCHEMA)
        yield conn


def read_by_ids(conn: psycopg.Connection, prediction_ids: Collection[str]) -> list[Receipt]:
    """Return the receipts of these predictions, by id; unknown ids are left out."""
    return _read(conn, "where prediction_id = any(%s) order by prediction_id", [list(prediction_ids)])


def read_last(conn: psycopg.Connection, count: int) -> list[Receipt]:
    """Return the newest receipts, newest first."""
    return _read(conn, "order by predicted_at desc, prediction_id desc limit %s", [count])


def read_sample(conn: psycopg.Connection, since: datetime, until: datetime, max_receipts: int) -> list[Receipt]:
    """Return a sample of at most `max_receipts` receipts of this period, without what-ifs and fallbacks, by id.

    The sample is drawn by the hash of the id, so it is unbiased and the same for the same receipts.
    """
    return _read(
        conn,
        """where prediction_id in (
               select prediction_id from receipt
               where predicted_at >= %s and predicted_at < %s and source in ('fresh', 'stale') and endpoint <> 'whatif'
               order by md5(prediction_id) limit %s)
           order by prediction_id""",
        [since, until, max_receipts],
    )


def delete_before(conn: psycopg.Connection, moment: datetime) -> int:
    """Delete receipts older than the moment; return their number."""
    return conn.execute("delete from receipt where predicted_at < %s", [moment]).rowcount


def _read(conn: psycopg.Connection, condition: str, values: Sequence[Any]) -> list[Receipt]:
    with conn.cursor(row_factory=class_row(Receipt), binary=True) as cursor:  # binary: a float4 keeps all its bits
        return cursor.execute(f"select {COLUMNS} from receipt {condition}".encode(), values).fetchall()  # noqa: S608  # texts of this file only
