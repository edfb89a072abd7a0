"""The champion's metrics, as JSON. Runs in the tasks' environment."""

import json
import sys

from tasks.io.mlflow import registry
from tasks.settings import Settings

if __name__ == "__main__":
    with registry.connect(Settings().mlflow_tracking_uri) as client:
        champion = registry.fetch_champion(client)
        assert champion is not None
        json.dump(client.get_run(champion.run_id).data.metrics | {"version": champion.version}, sys.stdout)
