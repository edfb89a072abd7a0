"""Reads and writes the table deployment: one row for each deployment, numbered in the order of making."""

from dataclasses import fields
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tasks.core.deployment.record import Deployment

COLUMNS = ", ".join(field.name for field in fields(Deployment))


def read_deployments(conn: psycopg.Connection) -> list[Deployment]:
    """Return all deployments, ordered by number."""
    with conn.cursor(row_factory=class_row(Deployment)) as cursor:
        return cursor.execute(f"select {COLUMNS} from deployment order by deployment".encode()).fetchall()  # noqa: S608  # our own names


def insert_deployment(conn: psycopg.Connection, values: dict[str, Any]) -> int:
    """Insert a deployment that is not live yet and return its number.

    values: kind, the columns of the parts, day, reason, made_by, images (a dict or None) and replaces.
    """
    row = conn.execute(
        """insert into deployment (kind, model_name, model_version, model_sha256, release_sha256, feature_set, snapshot_id,
               content_hash, schema_hash, prediction_set, day, reason, made_by, images, replaces)
           values (%(kind)s, %(model_name)s, %(model_version)s, %(model_sha256)s, %(release_sha256)s, %(feature_set)s,
               %(snapshot_id)s, %(content_hash)s, %(schema_hash)s, %(prediction_set)s, %(day)s, %(reason)s, %(made_by)s,
               %(images)s, %(replaces)s)
           returning deployment""",
        {**values, "images": Jsonb(values["images"]) if values["images"] is not None else None},
    ).fetchone()
    assert row is not None, "insert returns a row"  # noqa: S101  # for mypy
    return int(row[0])


def mark_live(conn: psycopg.Connection, deployment: Deployment) -> None:
    """Record that the pointer names this deployment, and end the one that was live."""
    how = "rolled back" if deployment.kind == "rollback" else "replaced"
    conn.execute(
        """update deployment set ended_at = now(), ended_how = %s
           where live_at is not null and ended_at is null and deployment <> %s""",
        (how, deployment.deployment),
    )
    conn.execute(
        """update deployment set live_at = now(), ended_at = null, ended_how = null
           where deployment = %s and live_at is null""",
        (deployment.deployment,),
    )


def mark_abandoned(conn: psycopg.Connection, number: int) -> None:
    """Record that a deployment never went live."""
    conn.execute(
        "update deployment set ended_at = now(), ended_how = 'abandoned' where deployment = %s and live_at is null", (number,)
    )


def mark_alias(conn: psycopg.Connection, number: int) -> None:
    """Record that MLflow's alias was set for this deployment."""
    conn.execute("update deployment set alias_at = now() where deployment = %s", (number,))
