"""The lease of a verb: when two attempts at it overlap, the later one commits and the earlier one cannot.

An attempt takes the verb's row of task_lease with a fencing token that no attempt had before; a takeover changes the token.
Every commit first locks the row and compares the token: a takeover waits for a commit that is under way, and after it no
commit of the earlier attempt succeeds. A holder lives as long as the Postgres session that it keeps open, so the lease of a
killed attempt is free at once.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import psycopg

from tasks.core.errors import Busy, Superseded, Unavailable
from tasks.io.postgres.connection import CONNECTION_LOST, PostgresSettings, connect, open_session, translate_errors
from tasks.io.postgres.lease_row import adopt_row, delete_row, lock_row, take_row

log = logging.getLogger("tasks.lease")

LIMITS = b"""
    set idle_in_transaction_session_timeout = '45s'; -- less than the lock_timeout of an attempt that waits to take over
    set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 6 -- a host that vanished is dead
"""
END_SESSIONS = """select pg_terminate_backend(pid) from pg_stat_activity
    where usename = current_user and datname = current_database() and substring(application_name from %s)::numeric < %s"""


class LeaseSettings(PostgresSettings, Protocol):
    """The settings this file reads."""

    @property
    def task_attempt(self) -> str | None: ...


@contextmanager
def take(settings: LeaseSettings, verb: str) -> Iterator["Lease"]:
    """Hold the verb's lease for the block.

    Raise Busy while another holder lives. An earlier attempt of the same holder is superseded, alive or not; if it has a commit
    under way, the takeover waits for the end of that commit.
    """
    task, _, number = (settings.task_attempt or "").rpartition("/")
    holder = task or f"by hand, {socket.gethostname()}:{os.getpid()}"
    with translate_errors(), open_lease_session(settings, verb) as session:
        token = take_row(session, verb, holder, int(number) if task else None)
        if token is None:
            who = lock_row(session, verb) or "one that has ended this moment"
            raise Busy(f"{verb} is at work for {who}; start again when that has ended")
        lease = Lease(settings, verb, token, session)
        try:
            lease.end_earlier_sessions()
            yield lease
        finally:
            lease.release()


def open_lease_session(settings: LeaseSettings, verb: str) -> psycopg.Connection:
    session = open_session(settings, f"marquee-tasks {verb} lease", autocommit=True)
    session.execute(LIMITS)
    return session


class Lease:
    """One attempt's right to commit what its verb writes; made by `take`."""

    def __init__(self, settings: LeaseSettings, verb: str, token: int, session: psycopg.Connection) -> None:
        self.verb, self.token = verb, token
        self._settings, self._session = settings, session

    def check(self, conn: psycopg.Connection) -> None:
        """Hold off a takeover until the transaction of `conn` ends; raise Superseded if there was one already.

        Call it late: a takeover waits for the rest of the transaction, and gives up after a minute.
        """
        row = lock_row(conn, self.verb)
        if row is None or row.token != self.token:
            who = f"has been taken over by {row}" if row else "was taken over, and that attempt has ended"
            raise Superseded(f"{self.verb} {who}; nothing more of this attempt is committed")

    @contextmanager
    def held(self) -> Iterator[psycopg.Connection]:
        """Hold off a takeover for one short commit, the block, and give a transaction of Postgres for its rows.

        Redis and MLflow do not know the token, so a commit there leaves one gap: a process that is stopped in the block for
        more than 45 seconds loses the lease, and nothing stops what it writes when it continues. Its block then ends with
        Unavailable. (Iceberg itself rejects an append to a table that has changed.)
        """
        with translate_errors():
            session = self._find_session()
            with session.transaction():
                self.check(session)
                yield session

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """Open a connection for long work; a takeover ends its session, so that its locks do not block the later attempt."""
        try:
            with connect(self._settings, f"marquee-tasks {self.verb} {self.token}") as conn:
                with self.held():
                    pass  # finds a takeover from before this session existed
                yield conn
        except Unavailable:
            with self.held():  # raises Superseded if a takeover ended the session
                raise

    def end_earlier_sessions(self) -> None:
        ended = self._session.execute(END_SESSIONS, [f"^marquee-tasks {self.verb} ([0-9]+)$", self.token]).rowcount
        if ended:
            log.warning("%s was taken over from an attempt that is still running; ended its %d sessions", self.verb, ended)

    def release(self) -> None:
        """Free the lease; if the session was lost, its end has freed it."""
        try:
            delete_row(self._session, self.verb, self.token)
        except CONNECTION_LOST as error:
            log.warning("the lease of %s was lost before the task ended, with its session: %s", self.verb, str(error).strip())
        finally:
            self._session.close()

    def _find_session(self) -> psycopg.Connection:
        """Return the session, or a new one in its place if Postgres was restarted since."""
        try:
            self._session.execute("select")
        except CONNECTION_LOST:
            self._session.close()
            self._session = open_lease_session(self._settings, self.verb)
            adopt_row(self._session, self.verb, self.token)
        return self._session
