"""Prints scikit-learn's own predictions from the offline features, as JSON. Runs in the tasks' environment.

python -m tests.e2e.expected COUNT: {"ratings": {movie_id: rating}} for COUNT random published movies, drawn anew each time
from the live snapshot.
"""

import json
import sys
from datetime import date
from pathlib import Path
from random import SystemRandom

import mlflow
import skops.io

from tasks.core.model.onnx_model import read_onnx_features, to_matrix
from tasks.io.feast import offline_store
from tasks.io.mlflow import registry
from tasks.io.mlflow.training_runs import SKOPS_TRUSTED
from tasks.settings import Settings
from tests.e2e.live import read_live_features
from tests.tasks.offline import read_present


def predict_offline(settings: Settings, count: int) -> dict[str, object]:
    live = read_live_features(settings)
    table = offline_store.open_table()
    assert table is not None
    with registry.connect(settings.mlflow_tracking_uri) as client:
        version = registry.fetch_champion(client)
        assert version is not None
        run = client.get_run(version.run_id)
        (logged,) = [
            output.model_id
            for output in run.outputs.model_outputs
            if client.get_logged_model(output.model_id).name == "scikit-learn"
        ]
        exported = registry.read_exported(client, version.version, version.tags[registry.DIGEST])
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{logged}"))
    model = skops.io.load(folder / "model.skops", trusted=SKOPS_TRUSTED)
    rows = read_present(table, date.fromisoformat(live.day), int(live.snapshot_id))
    drawn = rows[sorted(SystemRandom().sample(range(rows.height), min(count, rows.height)))]
    ratings = model.predict(to_matrix(drawn, read_onnx_features(exported)))
    return {"movies": rows.height, "ratings": dict(zip(drawn["movie_id"], ratings.tolist(), strict=True))}


if __name__ == "__main__":
    json.dump(predict_offline(Settings(), int(sys.argv[1])), sys.stdout)
