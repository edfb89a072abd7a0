"""Makes the prediction set of a model and a feature set, once, and keeps it in S3."""

import hashlib
import logging
from datetime import UTC, date, datetime

import polars as pl

from tasks.core.deployment.choice import Choice
from tasks.core.deployment.record import Model
from tasks.core.errors import BadInput
from tasks.core.features.changes import compute_content_hash
from tasks.core.features.feature_set import FeatureSet
from tasks.core.predictions.predict import compute_predictions, compute_set_id, render_parquet
from tasks.core.predictions.prediction_database import render_prediction_database
from tasks.io import prediction_sets
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.mlflow import registry
from tasks.io.postgres import movies
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.prediction_sets import PredictionSet
from tasks.io.s3.bucket import Bucket

log = logging.getLogger("tasks.predictions")


def make_predictions(settings: DeploymentSettings, choice: Choice, lease: Lease) -> PredictionSet:
    """Return the prediction set of this model and feature set; make it first if it does not exist."""
    model, features = choice.model, choice.features
    with connect(settings) as conn:
        known = prediction_sets.read_set_of(conn, model.version, model.sha256, features.feature_set)
    if known is not None:
        log.info("version %s, feature set %s: predicted already, %d movies", model.version, features.feature_set, known.movies)
        return known
    log.info("version %s predicts feature set %s", model.version, features.feature_set)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        exported = registry.read_exported(client, model.version, model.sha256)
    with connect(settings) as conn:
        votes = movies.read_votes(conn)
    set_id = compute_set_id(model.version, model.sha256, features.feature_set)
    rows, about = read_rows(features), describe(set_id, model, features)
    predictions = compute_predictions(exported, rows)
    parquet = render_parquet(predictions, about)
    database = render_prediction_database(predictions, rows, votes, about | {"snapshot_id": features.snapshot_id})
    bucket = Bucket.from_settings(settings)
    fresh = PredictionSet(
        prediction_set=set_id,
        model_version=model.version,
        model_sha256=model.sha256,
        feature_set=features.feature_set,
        content_hash=features.content_hash,
        day=date.fromisoformat(features.day),
        movies=predictions.height,
        object_key=prediction_sets.write_file(bucket, parquet, "parquet"),
        object_bytes=len(parquet),
        database_key=prediction_sets.write_file(bucket, database, "sqlite"),
        database_sha256=hashlib.sha256(database).hexdigest(),
        database_bytes=len(database),
        predicted_at=datetime.now(UTC),
    )
    with lease.held() as conn:
        prediction_sets.write_set(conn, fresh)
    log.info("predictions %s are ready: %d movies, %s", set_id, fresh.movies, fresh.object_key)
    return fresh


def read_rows(features: FeatureSet) -> pl.DataFrame:
    """Return the offline rows that the set was published from.

    Raise BadInput if the snapshot is gone, or if the rows do not have the content hash of the set.
    """
    from tasks.io.feast import offline_store  # noqa: PLC0415  # the import takes a second, which a rollback need not wait

    with offline_store.reachable():
        table = offline_store.open_table()
        if table is None or not offline_store.has_snapshot(table, features.snapshot_id):
            raise BadInput(
                f"the offline store has no snapshot {features.snapshot_id}, of feature set {features.feature_set}:"
                " run build_features and publish_features"
            )
        rows = offline_store.read_present(table, date.fromisoformat(features.day), int(features.snapshot_id))
    content_hash = compute_content_hash(rows.drop(offline_store.TIMES))
    if content_hash != features.content_hash:
        raise BadInput(
            f"snapshot {features.snapshot_id} has content {content_hash[:12]} as of {features.day}, feature set"
            f" {features.feature_set} has {features.content_hash[:12]}: run build_features and publish_features"
        )
    return rows


def describe(set_id: str, model: Model, features: FeatureSet) -> dict[str, str]:
    """Return the metadata of both files, without the day: the same predictions stay in use when the day moves on."""
    return {
        "prediction_set": set_id,
        "model_name": model.name,
        "model_version": model.version,
        "model_sha256": model.sha256,
        "feature_set": features.feature_set,
        "content_hash": features.content_hash,
    }
