"""Checks that all parts of a deployment exist, are undamaged and fit one another."""

from redis import Redis

from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.prediction_sets import PredictionSet, read_set
from tasks.io.s3.bucket import Bucket


def check_parts(settings: DeploymentSettings, redis: Redis, parts: dict[str, str]) -> list[str]:
    """Return a phrase for each part that is missing, damaged or does not fit the others; an empty list if all is well.

    parts: model_version, model_sha256, release_sha256, schema_hash, feature_set and prediction_set of a deployment.
    """
    missing = check_model(settings, parts)
    with connect(settings) as conn:
        predictions = read_set(conn, parts["prediction_set"])
        try:
            features, keys, state = feature_sets.read_feature_set(conn, parts["feature_set"])
        except LookupError:
            return [*missing, f"feature set {parts['feature_set']} is not recorded"]
    if state != "ready":
        missing.append(f"feature set {features.feature_set} is no longer kept")
    elif features.schema_hash != parts["schema_hash"]:
        missing.append(f"feature set {features.feature_set} has other features than the model was trained on")
    elif online_store.count_rows(redis, features.feature_set) != keys:
        # That Feast's registry has the set too is not asked here, since this takes 4 s: reconcile_deployment writes it again.
        missing.append(f"feature set {features.feature_set} is not whole in Redis")
    if predictions is None:
        missing.append(f"predictions {parts['prediction_set']} are no longer kept")
    else:
        missing += check_predictions(settings, predictions, parts)
    return missing


def check_model(settings: DeploymentSettings, parts: dict[str, str]) -> list[str]:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        models = {model.version: model for model in registry.read_models(client)}
    model = models.get(parts["model_version"])
    if model is None:
        return [f"version {parts['model_version']} is no longer in MLflow"]
    if (model.sha256, model.release_sha256) != (parts["model_sha256"], parts["release_sha256"]):
        return [f"version {model.version} has other digests in MLflow than were recorded"]
    if model.schema_hash != parts["schema_hash"]:
        return [f"version {model.version} was trained on other features"]
    return []


def check_predictions(settings: DeploymentSettings, predictions: PredictionSet, parts: dict[str, str]) -> list[str]:
    made_by = (predictions.model_version, predictions.model_sha256, predictions.feature_set)
    if made_by != (parts["model_version"], parts["model_sha256"], parts["feature_set"]):
        return [f"predictions {predictions.prediction_set} were made by another model or of another feature set"]
    bucket = Bucket.from_settings(settings)
    sizes = {predictions.object_key: predictions.object_bytes, predictions.database_key: predictions.database_bytes}
    return [
        f"s3://{bucket.name}/{key} is not there with its {size} bytes"
        for key, size in sizes.items()
        if key is None or bucket.read_size(key) != size
    ]
