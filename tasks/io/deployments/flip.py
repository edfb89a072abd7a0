"""Makes a deployment live in four steps; after a kill between any two of them, `heal` finishes or abandons it.

1. Insert the row, not live yet. 2. Write the Redis key with one command, so that readers see either the previous deployment or
this one. 3. In one transaction mark the row live and end the previous deployment. 4. Replace table prediction and set MLflow's
alias, which only people and other readers use; if S3, Postgres or MLflow fails here, the deployment is live all the same, and
reconcile_deployment repeats the step. `heal` sees from the key and the rows which steps are done.
"""

import io
import logging
from datetime import date
from typing import Any

import polars as pl
import psycopg
from redis import Redis

from tasks.core.deployment.healing import decide_healing
from tasks.core.deployment.pointer import read_number, render_pointer
from tasks.core.deployment.record import Deployment
from tasks.core.errors import Superseded, TaskError
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.mlflow import registry
from tasks.io.postgres import deployments as records
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tables import NewTable, swap_new_table
from tasks.io.prediction_sets import PredictionSet, read_set
from tasks.io.s3.bucket import Bucket
from tasks.io.world import fetch_world_day

log = logging.getLogger("tasks.deployments")

POINTER = "marquee:deployment"
LEASE = "deployment"
"""The lease that deploy, rollback and reconcile_deployment share, so that no two of them change the pointer at once."""
IN_TABLE = ("movie_id", "rating", "model_output", "features_as_of")
"""Columns of table prediction that come from the Parquet file; the others come from the deployment."""


def flip(settings: DeploymentSettings, redis: Redis, values: dict[str, Any], lease: Lease) -> Deployment:
    """Make a deployment of these values live and return it. The caller has checked the parts; values: see insert_deployment."""
    with lease.held() as conn:
        number = records.insert_deployment(conn, values)
    deployment = read_deployment(settings, number)
    write_pointer(settings, redis, deployment, lease)
    return finish(settings, deployment, lease)


def finish(settings: DeploymentSettings, deployment: Deployment, lease: Lease) -> Deployment:
    """Record that the pointer names this deployment; then let table prediction and MLflow's alias follow, if they can."""
    with lease.held() as conn:
        records.mark_live(conn, deployment)
    log.info(
        "deployment %d is live: version %s, feature set %s, predictions %s",
        *(deployment.deployment, deployment.model_version, deployment.feature_set, deployment.prediction_set),
    )
    try:
        follow(settings, deployment, lease)
    except Superseded:
        raise
    except TaskError as error:
        log.warning("table prediction and MLflow's alias do not follow yet, the DAG reconcile tries again: %s", error)
    return deployment


def follow(settings: DeploymentSettings, deployment: Deployment, lease: Lease) -> None:
    """Replace table prediction with the deployment's rows, then set MLflow's alias."""
    with lease.connect() as conn:
        with NewTable(conn, "prediction") as table:
            table.write(read_predictions(settings, conn, deployment))
        lease.check(conn)
        swap_new_table(conn, "prediction")
    set_alias(settings, deployment, lease)


def set_alias(settings: DeploymentSettings, deployment: Deployment, lease: Lease) -> None:
    """Set MLflow's alias, then record that it is set: an alias that differs after that was moved by hand."""
    with registry.connect(settings.mlflow_tracking_uri) as client, lease.held() as conn:
        registry.write_alias(client, deployment.model_version)
        records.mark_alias(conn, deployment.deployment)


def heal(settings: DeploymentSettings, redis: Redis, lease: Lease) -> None:
    """Repair the state after a kill or a loss of Redis, so that the record and the pointer name the same deployment."""
    with connect(settings) as conn:
        deployments = records.read_deployments(conn)
    healing = decide_healing(deployments, read_number(redis.get(POINTER)))  # type: ignore[arg-type]  # redis-py types both clients
    for deployment in healing.abandon:
        with lease.held() as conn:
            records.mark_abandoned(conn, deployment.deployment)
        log.warning("deployment %d is abandoned: it was recorded, but never went live", deployment.deployment)
    if healing.rewrite is not None:
        write_pointer(settings, redis, healing.rewrite, lease)
        log.warning("Redis did not name the live deployment %d; the key is written again", healing.rewrite.deployment)
    if healing.finish is not None:
        finish(settings, healing.finish, lease)


def write_pointer(settings: DeploymentSettings, redis: Redis, deployment: Deployment, lease: Lease) -> None:
    """Write the Redis key that points readers to the deployment, with one command."""
    with connect(settings) as conn:
        features, _, _ = feature_sets.read_feature_set(conn, deployment.feature_set)
        predictions = read_prediction_set(conn, deployment)
    database = {
        "database_key": predictions.database_key,
        "database_sha256": predictions.database_sha256,
        "database_bytes": predictions.database_bytes,
        "movies": predictions.movies,
    }
    world_day = fetch_world_day(settings, at_least=date.fromisoformat(features.day))
    with lease.held():
        redis.set(POINTER, render_pointer(deployment, features, database, world_day))


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
