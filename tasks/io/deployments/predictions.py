"""Makes the prediction set of a model and a feature set, once, and keeps it in S3."""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from tasks.core.deployment.choice import Choice
from tasks.core.deployment.record import Model
from tasks.core.errors import BadInput
from tasks.core.features.content import Content, describe_content
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

if TYPE_CHECKING:
    from tasks.io.feast.latest_rows import PresentRows

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
    about = describe(set_id, model, features)
    predictions, years = predict_slices(exported, read_rows(features)[0])
    parquet = render_parquet(predictions, about)
    database = render_prediction_database(predictions, years, votes, about | {"snapshot_id": features.snapshot_id})
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


def predict_slices(exported: bytes, rows: Iterable[pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the predictions of all rows, and their movie_id with release_year. rows: in slices, whose features are not kept."""
    predictions, years = [], []
    for part in rows:
        predictions.append(compute_predictions(exported, part))
        years.append(part.select("movie_id", "release_year"))
    return pl.concat(predictions), pl.concat(years)


def read_rows(features: FeatureSet) -> "tuple[PresentRows, Content]":
    """Return the offline rows that the set was published from, and what they hold.

    Raise BadInput if the snapshot is gone, or if the rows do not have the content hash of the set.
    """
    from tasks.io.feast import offline_store  # noqa: PLC0415  # the import takes a second, which a rollback need not wait
    from tasks.io.feast.latest_rows import PresentRows  # noqa: PLC0415

    with offline_store.reachable():
        table = offline_store.open_table()
        if table is None or not offline_store.has_snapshot(table, features.snapshot_id):
            raise BadInput(
                f"the offline store has no snapshot {features.snapshot_id}, of feature set {features.feature_set}:"
                " run build_features and publish_features"
            )
        rows = PresentRows(table, date.fromisoformat(features.day), int(features.snapshot_id))
        content = describe_content(rows)
    if content.sha256 != features.content_hash:
        raise BadInput(
            f"snapshot {features.snapshot_id} has content {content.sha256[:12]} as of {features.day}, feature set"
            f" {features.feature_set} has {features.content_hash[:12]}: run build_features and publish_features"
        )
    return rows, content


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
