"""Reads and writes the record of skew audits in Postgres: one row per audit and feature."""

from collections.abc import Sequence
from datetime import date, datetime

import psycopg

from tasks.core.audit.skew import Skew


def write_audit(conn: psycopg.Connection, audit_id: str, day: date, verdict: str, skews: Sequence[Skew]) -> None:
    """Record an audit; if it is recorded already, only update a result that has changed."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into skew_audit (audit_id, feature, compared, mismatched, example, verdict, day, audited_at)
               values (%s, %s, %s, %s, %s, %s, %s, now())
               on conflict (audit_id, feature) do update set verdict = excluded.verdict, audited_at = excluded.audited_at
               where skew_audit.verdict <> excluded.verdict""",
            [(audit_id, skew.feature, skew.compared, skew.mismatched, skew.example, verdict, day) for skew in skews],
        )


def read_accepted_at(conn: psycopg.Connection) -> datetime | None:
    """Return the time when a person last accepted a difference, or None; predictions made before it are not audited again."""
    found = conn.execute("select max(audited_at) from skew_audit where verdict = 'accepted'").fetchone()
    return found[0] if found else None
