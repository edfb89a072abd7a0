"""Reads the state that building, publishing and training leave in the stores."""

from datetime import UTC, datetime, timedelta

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from tasks.core.features.feature_set import FeatureSet
from tasks.io.feast import offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.settings import Settings

TODAY = (datetime.now(UTC) + timedelta(hours=2)).date()
"""Still today when the last of these tests ends: a row is known as of a day only if it was created by the end of that day."""
MOVIES = 600


def snapshots() -> list[int]:
    table = offline_store.open_table()
    assert table is not None
    return [snapshot.snapshot_id for snapshot in table.snapshots()]


def set_rating(settings: Settings, movie_id: str, rating: float) -> None:
    with connect(settings) as conn:
        conn.execute("update rating set average_rating = %s where movie_id = %s", (rating, movie_id))


def state_of_redis(settings: Settings) -> dict[bytes, bytes]:
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    return {key: redis.dump(key) for key in redis.scan_iter(count=10_000)}  # type: ignore[misc]  # redis-py types both clients


def read_ready(settings: Settings) -> FeatureSet:
    """The newest set that may go live."""
    with connect(settings) as conn:
        return feature_sets.read_ready(conn)[-1]


def read_sets(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as conn:
        return conn.execute("select * from feature_set order by published_at").fetchall()


def read_newest(client: MlflowClient) -> ModelVersion:
    return max(client.search_model_versions(f"name = '{registry.MODEL}'"), key=lambda version: int(version.version))


def read_versions(client: MlflowClient) -> list[tuple[str, dict[str, str]]]:
    found = [(str(version.version), version.tags) for version in client.search_model_versions(f"name = '{registry.MODEL}'")]
    return sorted(found, key=lambda version: int(version[0]))
