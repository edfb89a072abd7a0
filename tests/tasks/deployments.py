"""Reads the state of deployments for tests: the record, the keys in Redis, the table, the alias; checks that all agree."""

import json
from typing import Any

from tasks.core.deployment.record import Deployment
from tasks.io.deployments import flip
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.settings import Settings


def read_record(settings: Settings) -> list[Deployment]:
    with connect(settings) as conn:
        return read_deployments(conn)


def read_key(settings: Settings, key: str) -> dict[str, Any]:
    found = online_store.open_redis(settings.feast_redis.get_secret_value()).get(key)
    assert found is not None, key
    value: dict[str, Any] = json.loads(found)  # type: ignore[arg-type]  # redis-py types both clients
    return value


def read_alias(settings: Settings) -> str | None:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        return registry.read_alias(client)


def move_alias(settings: Settings, version: str | None) -> None:
    """As a person does in MLflow's UI; None deletes the alias."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        if version is None:
            client.delete_registered_model_alias(registry.MODEL, registry.CHAMPION)
        else:
            client.set_registered_model_alias(registry.MODEL, registry.CHAMPION, version)


def assert_one_whole_deployment_is_live(settings: Settings) -> Deployment:
    """The record, the pointer, the table and the alias name the same; returns it."""
    record = read_record(settings)
    (live,) = [deployment for deployment in record if deployment.is_live]
    assert all(each.is_live or each.ended_how is not None for each in record)
    pointer = read_key(settings, flip.POINTER)
    assert pointer["deployment"] == live.deployment
    assert pointer["model"] == {
        "name": live.model_name,
        "version": live.model_version,
        "sha256": live.model_sha256,
        "release_sha256": live.release_sha256,
    }
    assert pointer["features"]["feature_set"] == live.feature_set
    assert pointer["predictions"]["prediction_set"] == live.prediction_set
    with connect(settings) as conn:
        named = conn.execute("select distinct model_version, feature_set from prediction").fetchall()
        (predicted,) = conn.execute("select count(*) from prediction").fetchone() or (0,)
    assert named == [(live.model_version, live.feature_set)]
    assert predicted == pointer["predictions"]["movies"] == pointer["features"]["movies"]
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    assert online_store.count_rows(redis, live.feature_set) >= predicted
    assert read_alias(settings) == live.model_version
    return live
