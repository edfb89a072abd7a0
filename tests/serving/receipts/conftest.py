"""A receipts database of the test's own, on real Postgres."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from infra.local.stack import Stack
from serving.receipts.queue import PAUSE_SECONDS, ReceiptQueue
from tests.schemas import own_schema
from tests.serving.receipts.factories import new_counter

Ask = Callable[..., list[tuple[object, ...]]]
NewQueue = Callable[..., ReceiptQueue]


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """The receipts' role, in a schema of its own that goes away at the end."""
    with own_schema(stack.environment("serving")["RECEIPTS_DATABASE_URL"], "receipts") as own:
        yield own


@pytest.fixture
def ask(url: str) -> Ask:
    def ask(query: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(url, autocommit=True) as conn:
            found = conn.execute(query.encode(), values)
            return found.fetchall() if found.description else []

    return ask


PER_SECOND = 4_000
BATCH = int(PER_SECOND * PAUSE_SECONDS)
"""Written at once."""


@contextmanager
def open_queue(url: str | None, limit: int = 20_000, seconds: float = 5) -> Iterator[ReceiptQueue]:
    queue = ReceiptQueue(url, limit, PER_SECOND, new_counter(), new_counter())
    queue.start()
    try:
        yield queue
    finally:
        queue.close(seconds)
