"""All that predicting and deploying write."""

import json
from typing import Any

import boto3

from tasks.io import prediction_sets
from tasks.io.deployments import flip
from tasks.io.feast import online_store
from tasks.io.postgres.connection import connect
from tasks.io.prediction_sets import PredictionSet
from tasks.settings import Settings
from tests.tasks.movies import read_live

Row = tuple[object, ...]


def read_pointer(settings: Settings) -> dict[str, Any]:
    """Return the pointer that the API reads; empty before the first deployment."""
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    pointer: dict[str, Any] = json.loads(redis.get(flip.POINTER) or "{}")  # type: ignore[arg-type]  # redis-py types both clients
    return pointer


def look(settings: Settings) -> tuple[list[Row], list[Row], list[str], dict[str, Any]]:
    """All that predicting and deploying write: the table, the sets, the objects, the pointer."""
    with connect(settings) as conn:
        rows = conn.execute("select * from prediction order by movie_id").fetchall()
        sets = conn.execute("select * from prediction_set order by prediction_set").fetchall()
    found = boto3.client("s3").list_objects_v2(Bucket=settings.s3_bucket, Prefix="predictions/").get("Contents", [])
    return rows, sets, sorted(item["Key"] for item in found), read_pointer(settings)


def read_set_of(settings: Settings, version: str) -> PredictionSet:
    """The prediction set of the newest features by this version."""
    with connect(settings) as conn:
        sha256 = conn.execute("select model_sha256 from prediction_set where model_version = %s limit 1", [version]).fetchone()
        found = prediction_sets.read_set_of(conn, version, str((sha256 or ("",))[0]), read_live(settings).feature_set)
    assert found is not None
    return found
