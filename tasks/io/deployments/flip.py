"""The flip: one deployment recorded, then pointed to, then recorded as live; each step is found done or undone after a kill.

1. The row is inserted, not live yet. 2. The Redis key is written in one command: readers see the deployment before or this
one. 3. In one transaction the row becomes live, the one before ends, and table prediction is replaced. 4. MLflow's alias is
set. After a kill, `heal` goes on from where the key and the row stand.
"""

import io
import logging
from dataclasses import replace
from typing import Any

import polars as pl
import psycopg
from redis import Redis

from tasks.core.deployment.healing import decide_healing
from tasks.core.deployment.pointer import read_number, render_pointer
from tasks.core.deployment.record import Deployment
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.mlflow import registry
from tasks.io.postgres import deployments as records
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tables import NewTable, swap_new_table
from tasks.io.prediction_sets import PredictionSet, read_set
from tasks.io.s3.bucket import Bucket

log = logging.getLogger("tasks.deployments")

POINTER = "marquee:deployment"
LEASE = "deployment"
"""Of the verbs that flip: deploy, rollback and reconcile_deployment never overlap."""
IN_TABLE = ("movie_id", "rating", "model_output", "features_as_of")
"""Columns of table prediction that the Parquet file has; the others are the deployment's own."""


def flip(settings: DeploymentSettings, redis: Redis, values: dict[str, Any], lease: Lease) -> Deployment:
    """Make a deployment of these values (see records.insert_deployment) live and return it; its parts have been checked."""
    with lease.held() as conn:
        number = records.insert_deployment(conn, values)
    deployment = read_deployment(settings, number)
    write_pointer(settings, redis, deployment, lease)
    return finish(settings, deployment, lease)


def finish(settings: DeploymentSettings, deployment: Deployment, lease: Lease) -> Deployment:
    """Record that the pointer names this deployment; then let table prediction and MLflow's alias follow."""
    with lease.connect() as conn:
        with NewTable(conn, "prediction") as table:
            table.write(read_predictions(settings, conn, deployment))
        lease.check(conn)
        swap_new_table(conn, "prediction")
        records.mark_live(conn, deployment)
    log.info(
        "deployment %d is live: version %s, feature set %s, predictions %s",
        *(deployment.deployment, deployment.model_version, deployment.feature_set, deployment.prediction_set),
    )
    set_alias(settings, deployment, lease)
    return deployment


def set_alias(settings: DeploymentSettings, deployment: Deployment, lease: Lease) -> None:
    """Set MLflow's alias, then record that it was set: one that differs later was moved by hand."""
    with registry.connect(settings.mlflow_tracking_uri) as client, lease.held() as conn:
        registry.write_alias(client, deployment.model_version)
        records.mark_alias(conn, deployment.deployment)


def heal(settings: DeploymentSettings, redis: Redis, lease: Lease) -> None:
    """Go on where a kill or a lost Redis left off, so that record and pointer name one deployment."""
    with connect(settings) as conn:
        deployments = records.read_deployments(conn)
    healing = decide_healing(deployments, read_number(redis.get(POINTER)))  # type: ignore[arg-type]  # redis-py types both clients
    for deployment in healing.abandon:
        with lease.held() as conn:
            records.mark_abandoned(conn, deployment.deployment)
        log.warning("deployment %d never went live: it is abandoned", deployment.deployment)
    if healing.rewrite is not None:
        write_pointer(settings, redis, healing.rewrite, lease)
        log.warning("Redis did not name the live deployment %d: the key is written anew", healing.rewrite.deployment)
    if healing.finish is not None:
        finish(settings, healing.finish, lease)


def write_pointer(settings: DeploymentSettings, redis: Redis, deployment: Deployment, lease: Lease) -> None:
    """Point readers to the deployment, with one write of one key."""
    with connect(settings) as conn:
        features, _, _ = feature_sets.read_feature_set(conn, deployment.feature_set)
        predictions = read_prediction_set(conn, deployment)
    features = replace(features, day=deployment.day.isoformat())
    told = {
        "database_key": predictions.catalogue_key,
        "database_sha256": predictions.catalogue_sha256,
        "database_bytes": predictions.catalogue_bytes,
        "movies": predictions.films,
    }
    with lease.held():
        redis.set(POINTER, render_pointer(deployment, features, told))


def read_predictions(settings: DeploymentSettings, conn: psycopg.Connection, deployment: Deployment) -> Any:
    """Return the rows of table prediction, from the Parquet file of the deployment's prediction set."""
    parquet = Bucket.from_settings(settings).read(read_prediction_set(conn, deployment).object_key)
    rows = pl.read_parquet(io.BytesIO(parquet)).select(
        *IN_TABLE, model_version=pl.lit(deployment.model_version), feature_set=pl.lit(deployment.feature_set)
    )
    return rows.to_arrow()


def read_prediction_set(conn: psycopg.Connection, deployment: Deployment) -> PredictionSet:
    found = read_set(conn, deployment.prediction_set)
    if found is None:
        raise LookupError(f"deployment {deployment.deployment} has no predictions {deployment.prediction_set}")
    return found


def read_deployment(settings: DeploymentSettings, number: int) -> Deployment:
    with connect(settings) as conn:
        return next(row for row in records.read_deployments(conn) if row.deployment == number)
