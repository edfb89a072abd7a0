"""Prints the state that two platforms share after the same day on the same source, as JSON. Runs in the tasks' environment.

Values that differ between runs are left out: times, including those at which a sample's files were written, snapshot ids, and
names that Iceberg and MLflow draw.
"""

import json
import sys

from mlflow import MlflowClient

from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.e2e.live import read_live_features

VOLATILE = {
    "ingested_file": ("ingested_at", "last_modified"),
    "feature_set": ("published_at", "snapshot_id"),
    # release.json, and so its digest, tells the snapshot id; only a task in a container has an image.
    "deployment": ("made_at", "made_by", "live_at", "ended_at", "alias_at", "snapshot_id", "release_sha256", "images"),
    # The prediction database contains the snapshot id, so its name differs too.
    "prediction_set": ("predicted_at", "database_key", "database_sha256"),
}
TABLES = (
    *("movie", "rating", "crew", "credit", "person", "tmdb_movie", "tmdb_request", "quarantine", "ingested_file", "feature_set"),
    *("prediction", "prediction_set", "deployment"),
)


def read_fingerprint(settings: Settings) -> dict[str, object]:
    tables = {}
    with connect(settings) as conn:
        for table in TABLES:
            left_out = list(VOLATILE.get(table, ()))
            query = f"select count(*), sum(hashtextextended(row, 0))::text from (select (to_jsonb(t) - %s::text[])::text as row from {table} t) r"  # noqa: S608, E501  # constants
            rows, digest = conn.execute(query.encode(), [left_out]).fetchone() or (0, None)
            tables[table] = {"rows": rows, "digest": digest}
    live = read_live_features(settings)
    client = MlflowClient(settings.mlflow_tracking_uri)
    champion = registry.fetch_champion(client)
    assert champion is not None
    run = client.get_run(champion.run_id)
    return {
        "day": live.day,
        "tables": tables,
        "features": {name: getattr(live, name) for name in ("feature_set", "content_hash", "schema_hash", "movies")},
        "model": {**run.data.metrics, "dataset_hash": run.data.params["dataset_hash"], "onnx": champion.tags[registry.DIGEST]},
    }


if __name__ == "__main__":
    json.dump(read_fingerprint(Settings()), sys.stdout)
