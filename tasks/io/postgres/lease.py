"""The lease of a verb: of two overlapping attempts at it, the later one commits and the earlier one no longer can.

An attempt takes the verb's row of task_lease, with a token that no attempt had before; a takeover changes the token. Every
commit locks the row first and compares the token: a takeover waits for a commit that is under way, and after a takeover
no commit of the earlier attempt is let through. A holder lives as long as the Postgres session that it keeps open, so the
lease of a killed one is free at once.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import psycopg

from tasks.core.errors import Superseded, Unavailable
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

    While another holder lives it is Unavailable. An earlier attempt of the same holder is superseded, alive or not, as soon
    as a commit of its that is under way has ended.
    """
    task, _, number = (settings.task_attempt or "").rpartition("/")
    holder = task or f"by hand, {socket.gethostname()}:{os.getpid()}"
    with translate_errors(), open_lease_session(settings, verb) as session:
        token = take_row(session, verb, holder, int(number) if task else None)
        if token is None:
            who = lock_row(session, verb) or "one that has ended this moment"
            raise Unavailable(f"{verb} is at work for {who}; start again when that has ended")
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
        """Let the transaction of `conn` commit: nobody takes the lease over before its end. Superseded if one already has.

        Call it late: who takes over waits for the rest of the transaction, and gives up after a minute.
        """
        row = lock_row(conn, self.verb)
        if row is None or row.token != self.token:
            who = f"has been taken over by {row}" if row else "was taken over, and that attempt has ended"
            raise Superseded(f"{self.verb} {who}; nothing more of this attempt is committed")

    @contextmanager
    def held(self) -> Iterator[psycopg.Connection]:
        """One short commit: nobody takes the lease over before the end of the block. Gives a transaction for rows of it.

        Redis and MLflow do not know the token, so where the commit is theirs one gap is left: a process that is stopped in
        the block for more than 45 seconds loses its hold, and what it sends on waking is let through. Its block ends as
        Unavailable. (Iceberg by itself refuses an append to a table that has moved on.)
        """
        with translate_errors():
            session = self._find_session()
            with session.transaction():
                self.check(session)
                yield session

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """postgres.connect for long work: a takeover ends the session, so that its locks hold up nobody."""
        try:
            with connect(self._settings, f"marquee-tasks {self.verb} {self.token}") as conn:
                with self.held():
                    pass  # a takeover of before the session could be seen
                yield conn
        except Unavailable:
            with self.held():  # Superseded, if that is why
                raise

    def end_earlier_sessions(self) -> None:
        ended = self._session.execute(END_SESSIONS, [f"^marquee-tasks {self.verb} ([0-9]+)$", self.token]).rowcount
        if ended:
            log.warning("%s was taken over from an attempt that is still at work; ended its %d sessions", self.verb, ended)

    def release(self) -> None:
        """Free the lease; a session that was lost has freed it by its end."""
        try:
            delete_row(self._session, self.verb, self.token)
        except CONNECTION_LOST as error:
            log.warning("%s was free for others before it ended: its session is gone: %s", self.verb, str(error).strip())
        finally:
            self._session.close()

    def _find_session(self) -> psycopg.Connection:
        """The session, or a new one in its place: Postgres may have been started again since."""
        try:
            self._session.execute("select")
        except CONNECTION_LOST:
            self._session.close()
            self._session = open_lease_session(self._settings, self.verb)
            adopt_row(self._session, self.verb, self.token)
        return self._session
