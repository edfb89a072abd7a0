"""The receipts of predictions, which the API keeps in a database of its own."""

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
    """A connection that commits at the end of the block.

    A server that is away is Unavailable, a schema of another release is UnknownSchema.
    """
    if settings.receipts_database_url is None:
        raise BadSetting(f"{SETTING} is not set: it names the database in which the API keeps its receipts")
    with translate_errors(SETTING), open_connection(settings.receipts_database_url, SETTING, "marquee-tasks receipts") as conn:
        check_schema(conn, SETTING, RECEIPTS_SCHEMA)
        yield conn


def read_some(conn: psycopg.Connection, prediction_ids: Collection[str]) -> list[Receipt]:
    """Those of these predictions that there are, by id."""
    return _read(conn, "where prediction_id = any(%s) order by prediction_id", [list(prediction_ids)])


def read_last(conn: psycopg.Connection, count: int) -> list[Receipt]:
    """The newest, newest first."""
    return _read(conn, "order by answered_at desc, prediction_id desc limit %s", [count])


def read_sample(conn: psycopg.Connection, since: datetime, until: datetime, most: int) -> list[Receipt]:
    """At most so many of the answers of these hours that came from online features as they stand; by id.

    Drawn by the hash of the id: an unbiased sample, and the same again of the same receipts.
    """
    return _read(
        conn,
        """where prediction_id in (
               select prediction_id from receipt
               where answered_at >= %s and answered_at < %s and source in ('fresh', 'stale') and way <> 'whatif'
               order by md5(prediction_id) limit %s)
           order by prediction_id""",
        [since, until, most],
    )


def delete_before(conn: psycopg.Connection, moment: datetime) -> int:
    """Delete the older ones; returns how many there were."""
    return conn.execute("delete from receipt where answered_at < %s", [moment]).rowcount


def _read(conn: psycopg.Connection, condition: str, values: Sequence[Any]) -> list[Receipt]:
    with conn.cursor(row_factory=class_row(Receipt), binary=True) as cursor:  # binary: a float4 keeps its every bit
        return cursor.execute(f"select {COLUMNS} from receipt {condition}".encode(), values).fetchall()  # noqa: S608  # texts of this file only
