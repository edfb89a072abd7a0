"""Prints the state that a run leaves, as JSON: a second run must not change a byte of it. Runs in the tasks' environment."""

import hashlib
import json
import sys
from typing import Any

import boto3
import requests
from redis import Redis

from tasks.io.feast import offline_store, online_store
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
PREFIXES = ("raw/", "offline/", "predictions/")
"""Prefixes of the bucket; MLflow's own, mlflow/, changes with its versions, which are counted."""
MODEL = "movie-rating"
NO_CHAMPION = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
KEYS_PER_CALL = 1_000


def read_values(redis: Redis, keys: list[bytes]) -> list[Any]:
    """Return the value of each key: a dict of a hash, else bytes."""
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.type(key)
        kinds = pipe.execute()
        for key, kind in zip(keys, kinds, strict=True):
            pipe.execute_command("HGETALL" if kind == b"hash" else "GET", key)  # type: ignore[no-untyped-call]
        values: list[Any] = pipe.execute()
    return values


def read_state(settings: Settings) -> dict[str, object]:
    with connect(settings) as conn:
        tables = {}
        for table in TABLES:
            # A sum of the rows' hashes does not depend on their order, so nothing is sorted.
            query = f"select count(*), sum(hashtextextended(r::text, 0))::text from {table} r"  # noqa: S608  # constants
            rows, digest = conn.execute(query.encode()).fetchone() or (0, None)
            tables[table] = {"rows": rows, "digest": digest}
        (day,) = conn.execute("select max(day)::text from feature_set where state = 'ready'").fetchone() or (None,)
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    keys = sorted(redis.scan_iter(count=10_000))
    online = hashlib.sha256()
    for start in range(0, len(keys), KEYS_PER_CALL):
        some = keys[start : start + KEYS_PER_CALL]
        for key, value in zip(some, read_values(redis, some), strict=True):
            online.update(key)
            online.update(repr(sorted(value.items()) if isinstance(value, dict) else value).encode())
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket)
    objects = sorted(item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].startswith(PREFIXES))
    offline = offline_store.open_table()
    return {
        "day": day,
        "tables": tables,
        "redis": {"keys": len(keys), "sha256": online.hexdigest()},
        "objects": objects,
        "snapshots": len(offline.snapshots()) if offline is not None else 0,
        **read_models(settings.mlflow_tracking_uri),
    }


def read_models(url: str) -> dict[str, object]:
    """Return the registered versions and the champion's. By MLflow's REST, because its client takes 3 s to import."""
    asked = {"filter": f"name = '{MODEL}'", "max_results": "1000"}
    versions = requests.get(f"{url}/api/2.0/mlflow/model-versions/search", asked, timeout=60)
    versions.raise_for_status()
    champion = requests.get(f"{url}/api/2.0/mlflow/registered-models/alias", {"name": MODEL, "alias": "champion"}, timeout=60)
    if champion.json().get("error_code") not in NO_CHAMPION:
        champion.raise_for_status()
    return {
        "versions": sorted(int(version["version"]) for version in versions.json().get("model_versions", [])),
        "champion": champion.json()["model_version"]["version"] if champion.ok else None,
    }


if __name__ == "__main__":
    json.dump(read_state(Settings()), sys.stdout)
