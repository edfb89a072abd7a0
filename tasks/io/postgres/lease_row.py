"""Reads and writes table task_lease: one row per verb that is running, with the session that its holder keeps open."""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class LeaseRow:
    """The holder of a verb's lease and when it took it; no other lease has had this `token`."""

    token: int
    holder: str
    attempt: int | None
    taken_at: datetime

    def __str__(self) -> str:
        who = f"attempt {self.attempt} of {self.holder}" if self.attempt else self.holder
        return f"{who} since {self.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def take_row(conn: psycopg.Connection, key: str, holder: str, attempt: int | None) -> int | None:
    """Make this session the row's holder and return the new token; return None while another holder, or a later attempt, lives.

    conn: in autocommit. A transaction keeps pg_stat_activity as it first read it, but here it must be read after the wait for the
    row. So the condition below reads it, and a separate statement reads the session's own start.
    """
    own = conn.execute("select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()").fetchone() or ()
    row = conn.execute(
        """insert into task_lease as lease (key, token, holder, attempt, taken_at, backend_pid, backend_start)
           values (%s, nextval('task_lease_token'), %s, %s, now(), %s, %s)
           on conflict (key) do update set
               token = nextval('task_lease_token'), holder = excluded.holder, attempt = excluded.attempt,
               taken_at = excluded.taken_at, backend_pid = excluded.backend_pid, backend_start = excluded.backend_start
           where (lease.holder = excluded.holder and lease.attempt < excluded.attempt) or not exists (
               select from pg_stat_activity where pid = lease.backend_pid and backend_start = lease.backend_start)
           returning token""",
        [key, holder, attempt, *own],
    ).fetchone()
    return row[0] if row else None


def lock_row(conn: psycopg.Connection, key: str) -> LeaseRow | None:
    """Read the row and lock it, so that no other attempt takes it over before the end of the transaction."""
    with conn.cursor(row_factory=class_row(LeaseRow)) as cursor:
        cursor.execute("select token, holder, attempt, taken_at from task_lease where key = %s for share", [key])
        return cursor.fetchone()


def adopt_row(conn: psycopg.Connection, key: str, token: int) -> None:
    """Make this session the holder's, if the row still has the token."""
    conn.execute(
        """update task_lease set (backend_pid, backend_start) =
               (select pid, backend_start from pg_stat_activity where pid = pg_backend_pid())
           where key = %s and token = %s""",
        [key, token],
    )


def delete_row(conn: psycopg.Connection, key: str, token: int) -> None:
    conn.execute("delete from task_lease where key = %s and token = %s", [key, token])


def delete_dead_rows(conn: psycopg.Connection) -> list[tuple[str, str]]:
    """Delete the rows whose session has ended; return key and holder of each.

    Rows are locked before the sessions are read, so that a row that is taken over meanwhile does not look dead.
    """
    tokens = [token for (token,) in conn.execute("select token from task_lease for update skip locked")]
    return conn.execute(
        """delete from task_lease as lease where token = any(%s) and not exists (
               select from pg_stat_activity where pid = lease.backend_pid and backend_start = lease.backend_start)
           returning key, holder""",
        [tokens],
    ).fetchall()
