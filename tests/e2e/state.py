"""All that a run leaves behind, as JSON: run twice, a DAG must not change a byte of it. Runs in the tasks' environment."""

import hashlib
import json
import sys

import boto3
from mlflow import MlflowClient

from tasks.io.feast import offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.settings import Settings

TABLES = (
    "movie",
    "rating",
    "crew",
    "credit",
    "person",
    "tmdb_movie",
    "tmdb_request",
    "quarantine",
    "ingested_file",
    "raw_object",
    "feature_set",
    "prediction",
    "prediction_set",
    "deployment",
)
OURS = ("raw/", "offline/", "predictions/")
"""Prefixes of the bucket; MLflow's own, mlflow/, changes with its versions, which are counted."""


def read_state(settings: Settings) -> dict[str, object]:
    with connect(settings) as conn:
        tables = {}
        for table in TABLES:
            query = f"select count(*), md5(coalesce(string_agg(r::text, '|' order by r::text), '')) from {table} r"  # noqa: S608  # constants
            rows, digest = conn.execute(query.encode()).fetchone() or (0, "")
            tables[table] = {"rows": rows, "md5": digest}
        (day,) = conn.execute("select max(day)::text from feature_set where state = 'ready'").fetchone() or (None,)
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    keys = sorted(redis.scan_iter(count=10_000))
    online = hashlib.sha256()
    for key in keys:
        online.update(key)
        online.update(repr(sorted(redis.hgetall(key).items()) if redis.type(key) == b"hash" else redis.get(key)).encode())  # type: ignore[union-attr]  # redis-py types both clients
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket)
    objects = sorted(item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].startswith(OURS))
    client = MlflowClient(settings.mlflow_tracking_uri)
    versions = sorted(int(version.version) for version in client.search_model_versions(f"name = '{registry.MODEL}'"))
    champion = registry.find_champion(client)
    offline = offline_store.open_table()
    return {
        "day": day,
        "tables": tables,
        "redis": {"keys": len(keys), "sha256": online.hexdigest()},
        "objects": objects,
        "snapshots": len(offline.snapshots()) if offline is not None else 0,
        "versions": versions,
        "champion": str(champion.version) if champion else None,
    }


if __name__ == "__main__":
    json.dump(read_state(Settings()), sys.stdout)
