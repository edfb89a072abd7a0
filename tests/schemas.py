"""Schemas of a test's own in a database of the stack, migrated as the stack itself migrates it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from infra.setup.migrate import migrate


@contextmanager
def own_schema(url: str, database: str) -> Iterator[str]:
    """The URL of a new schema in this database (movies or receipts), with its tables; it goes away at the end."""
    schema = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"create schema {schema}".encode())
        mark = "&" if "?" in url else "?"
        own = f"{url}{mark}options=-c%20search_path%3D{schema}"
        migrate(own, database)
        yield own
        conn.execute(f"drop schema {schema} cascade".encode())
