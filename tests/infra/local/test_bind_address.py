"""BIND_ADDRESS: the platform becomes healthy on an address other than 127.0.0.1, and only there."""

from pathlib import Path

import pytest
import requests

from infra.local.services.postgres_paths import remove_cluster
from infra.local.stack import Stack
from infra.platform.connections import check_url
from infra.platform.settings import Settings

pytestmark = pytest.mark.integration
ADDRESS = "127.0.0.2"
"""An address of every Linux machine on which no server of 127.0.0.1 answers."""


def test_services_are_healthy_where_they_listen(tmp_path: Path) -> None:
    stack = Stack.load(Settings.trial(tmp_path / "home", bind_address=ADDRESS))
    try:
        stack.start(["mlflow", "airflow-api", "airflow-scheduler", "api"])
        endpoints = stack.endpoints
        pages = (
            (endpoints.mlflow, "/api/2.0/mlflow/registered-models/search?max_results=1"),
            (endpoints.airflow, "/api/v2/version"),
            (endpoints.api, "/livez"),
        )
        for endpoint, path in pages:
            assert endpoint.host == ADDRESS
            check_url(endpoint.url + path)
            with pytest.raises(requests.ConnectionError):
                check_url(f"http://127.0.0.1:{endpoint.port}{path}")
    finally:
        stack.stop()
        remove_cluster(stack.settings.layout)
