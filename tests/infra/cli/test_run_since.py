"""`up` follows the training that its own refresh has triggered, also across midnight and in any zone."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.cli.airflow_client import AirflowClient
from infra.platform.endpoints import local_endpoints
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings
from tests.clocks import every_clock, every_zone, local_zone


@every_zone
@every_clock
def test_only_a_run_that_was_queued_since_then_is_found(monkeypatch: pytest.MonkeyPatch, clock: datetime, zone: str) -> None:
    def answer(*_: Any, **__: Any) -> dict[str, Any]:
        return {"dag_runs": [run("new", clock + timedelta(seconds=2)), run("old", clock - timedelta(seconds=2))]}

    def run(name: str, queued: datetime) -> dict[str, Any]:
        text = queued.isoformat().replace("+00:00", "Z")
        return {"dag_run_id": name, "state": "success", "queued_at": text, "run_after": text}

    with local_zone(zone):
        client = AirflowClient(local_endpoints(Settings(_env_file=None), Secrets(Path("unused"))))
        monkeypatch.setattr(client, "read", answer)
        assert client.fetch_run("train_model", clock) == "new"
        assert client.fetch_run("train_model", clock + timedelta(seconds=1)) == "new"
        assert client.fetch_run("train_model", clock + timedelta(seconds=3)) is None
