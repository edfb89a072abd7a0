"""Adopts the live state of an older release, an MLflow alias and two Redis keys, as the first deployment."""

import json
import logging
from dataclasses import replace
from datetime import date
from typing import Any

from redis import Redis

from tasks.core.deployment.choice import Choice
from tasks.core.deployment.record import Deployment
from tasks.core.features.feature_set import FeatureSet
from tasks.io.deployments.checks import find_missing
from tasks.io.deployments.flip import flip
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.deployments.values import describe_choice, describe_deed
from tasks.io.feast import definitions, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.prediction_sets import read_set

log = logging.getLogger("tasks.deployments")

FEATURES_KEY, PREDICTIONS_KEY = "marquee:feature_set", "marquee:prediction_set"
"""The Redis keys that named the live parts before the table deployment existed."""


def adopt(settings: DeploymentSettings, redis: Redis, deployments: list[Deployment], lease: Lease) -> None:
    """Record the parts that the alias and the old keys name as one deployment, unless a deployment was live before.

    If parts are missing, no deployment is recorded, and the next run of the DAGs makes the first deployment.
    """
    if any(deployment.live_at is not None for deployment in deployments):
        return
    features, pointer = read_old_key(redis, FEATURES_KEY), read_old_key(redis, PREDICTIONS_KEY)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        alias = registry.read_alias(client)
        model = next((model for model in registry.read_models(client) if model.version == alias), None)
    if features is None or pointer is None or model is None:
        return
    found = FeatureSet(**features)
    keys = online_store.count_rows(redis, found.feature_set)
    if not found.schema_hash:
        found = replace(found, schema_hash=definitions.read_schema(online_store.open_store(found.feature_set)))
    with connect(settings) as conn:
        predictions = read_set(conn, str(pointer.get("prediction_set")))
    if predictions is None:
        log.warning("what is live is not adopted as a deployment: its predictions are not recorded")
        return
    with lease.held() as conn:
        feature_sets.mark_ready(conn, found, keys)
    parts = {**describe_choice(Choice(model, found), predictions), "day": date.fromisoformat(found.day)}
    missing = find_missing(settings, redis, parts)
    if missing:
        log.warning("what is live is not adopted as a deployment: %s", "; ".join(missing))
        return
    flip(settings, redis, {**parts, **describe_deed(settings, "adopted", "live before there were deployments", None)}, lease)
    with lease.held():
        redis.delete(FEATURES_KEY, PREDICTIONS_KEY)


def read_old_key(redis: Redis, key: str) -> dict[str, Any] | None:
    """Return the JSON object under one of the old keys, or None if the key does not exist."""
    found = redis.get(key)
    if found is None:
        return None
    pointer: dict[str, Any] = json.loads(found)  # type: ignore[arg-type]  # redis-py types both clients
    return pointer
