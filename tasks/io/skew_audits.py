"""The record of skew audits in Postgres: a row an audit and feature."""

from collections.abc import Sequence
from datetime import date

import psycopg

from tasks.core.skew import Skew


def write_audit(conn: psycopg.Connection, audit_id: str, day: date, verdict: str, skews: Sequence[Skew]) -> None:
    """Record an audit; of one that is recorded already, only a verdict that has changed."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into skew_audit (audit_id, feature, compared, mismatched, example, verdict, day, audited_at)
               values (%s, %s, %s, %s, %s, %s, %s, now())
               on conflict (audit_id, feature) do update set verdict = excluded.verdict
               where skew_audit.verdict <> excluded.verdict""",
            [(audit_id, skew.feature, skew.compared, skew.mismatched, skew.example, verdict, day) for skew in skews],
        )
