"""Adopts the live state of an older release, an MLflow alias and two Redis keys, as the first deployment."""

import json
import logging
from dataclasses import replace
from datetime import date
from typing import Any

from redis import Redis

from tasks.core.deployment.choice import Choice
from tasks.core.deployment.record import Deployment
from tasks.core.errors import BadInput
from tasks.core.features.feature_set import FeatureSet
from tasks.io.deployments.checks import check_parts
from tasks.io.deployments.flip import flip
from tasks.io.deployments.predictions import make_predictions
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.deployments.values import describe_choice, describe_deed
from tasks.io.feast import definitions, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.prediction_sets import PredictionSet, read_set

log = logging.getLogger("tasks.deployments")

FEATURES_KEY, PREDICTIONS_KEY = "marquee:feature_set", "marquee:prediction_set"
"""The Redis keys that named the live parts before the table deployment existed."""
NOT_ADOPTED = "what is live is not adopted as a deployment"


def adopt(settings: DeploymentSettings, redis: Redis, deployments: list[Deployment], lease: Lease) -> None:
    """Record the parts that the alias and the old keys name as one deployment, unless a deployment was live before.

    Predictions that are not recorded are made. If another part is missing, the log names it, no deployment is recorded, and the
    next run of the DAGs makes the first deployment.
    """
    if any(deployment.live_at is not None for deployment in deployments):
        return
    features, pointer = read_old_key(redis, FEATURES_KEY), read_old_key(redis, PREDICTIONS_KEY)
    if features is None:
        if pointer is not None:
            log.warning("%s: Redis has no key %s", NOT_ADOPTED, FEATURES_KEY)
        return
    with registry.connect(settings.mlflow_tracking_uri) as client:
        alias, models = registry.read_alias(client), registry.read_models(client)
    model = next((model for model in models if model.version == alias), None)
    if model is None:
        reason = f"version {alias} has no digests of a model and a release.json" if alias else "MLflow has no alias champion"
        log.warning("%s: %s", NOT_ADOPTED, reason)
        return
    found = FeatureSet(**features)
    keys = online_store.count_rows(redis, found.feature_set)
    if keys < found.movies:
        log.warning("%s: Redis has %d keys of the %d movies of %s", NOT_ADOPTED, keys, found.movies, found.feature_set)
        return
    if not found.schema_hash:
        found = replace(found, schema_hash=definitions.read_schema(online_store.open_store(found.feature_set)))
    with lease.held() as conn:
        feature_sets.mark_ready(conn, found, keys)
    try:
        predictions = read_or_make_predictions(settings, Choice(model, found), pointer, lease)
    except BadInput as error:
        log.warning("%s: its predictions are not recorded and cannot be made: %s", NOT_ADOPTED, error)
        return
    parts = {**describe_choice(Choice(model, found), predictions), "day": date.fromisoformat(found.day)}
    missing = check_parts(settings, redis, parts)
    if missing:
        log.warning("%s: %s", NOT_ADOPTED, "; ".join(missing))
        return
    flip(settings, redis, {**parts, **describe_deed(settings, "adopted", "live before there were deployments", None)}, lease)
    with lease.held():
        redis.delete(FEATURES_KEY, PREDICTIONS_KEY)


def read_or_make_predictions(
    settings: DeploymentSettings, choice: Choice, pointer: dict[str, Any] | None, lease: Lease
) -> PredictionSet:
    """Return the prediction set that the old key names; make it if it is not recorded. Raise BadInput if that is not possible."""
    with connect(settings) as conn:
        known = read_set(conn, str(pointer.get("prediction_set"))) if pointer is not None else None
    return known if known is not None else make_predictions(settings, choice, lease)


def read_old_key(redis: Redis, key: str) -> dict[str, Any] | None:
    """Return the JSON object under one of the old keys, or None if the key does not exist."""
    found = redis.get(key)
    if found is None:
        return None
    pointer: dict[str, Any] = json.loads(found)  # type: ignore[arg-type]  # redis-py types both clients
    return pointer
