"""Holders of a lease, and what they commit."""

import time
from pathlib import Path

from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.settings import Settings

ROOT = Path(__file__).parents[3]
VERB = "ingest_imdb"
HOLD = f"""
import sys, time
from tasks.io.postgres.lease import take
from tasks.settings import Settings
with take(Settings(), {VERB!r}):
    print("taken", flush=True)
    time.sleep(60)
"""
HOLDING = "select from pg_stat_activity where state = 'idle in transaction' and application_name ~ 'lease$'"


def ask(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with connect(settings) as conn:
        return conn.execute(query.encode()).fetchall()


def commit(lease: Lease, seconds: float = 0) -> None:
    with lease.held() as conn:
        conn.execute("insert into done (what, token) values ('commit', %s)", [lease.token])
        time.sleep(seconds)


def commit_in_own_transaction(lease: Lease, settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("insert into done (what, token) values ('commit', %s)", [lease.token])
        lease.check(conn)


def end_session(settings: Settings, lease: Lease) -> None:
    """End the holder's session, as a restart of Postgres does."""
    with connect(settings) as conn:
        conn.execute("select pg_terminate_backend(backend_pid, 5000) from task_lease where token = %s", [lease.token])
