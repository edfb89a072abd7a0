"""MLflow after a person has deleted something in it."""

import logging
from uuid import uuid4

import pytest
import requests

from infra.local.stack import Stack
from tasks.core.errors import BadInput
from tasks.io.mlflow import registry, training_runs

pytestmark = pytest.mark.integration


@pytest.fixture
def tracking_uri(stack: Stack) -> str:
    return stack.environment("tasks")["MLFLOW_TRACKING_URI"]


def test_an_experiment_that_a_person_deleted_is_restored(
    tracking_uri: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    experiment = f"deleted-{uuid4().hex}"
    monkeypatch.setattr(training_runs, "EXPERIMENT", experiment)
    with registry.connect(tracking_uri) as client:
        training_runs.open_experiment(client)
        made = client.get_experiment_by_name(experiment)
        assert made is not None
        client.delete_experiment(made.experiment_id)
        training_runs.open_experiment(client)
        found = client.get_experiment(made.experiment_id)
    assert found.lifecycle_stage == "active"
    assert f"{experiment} was deleted in MLflow; it is restored" in caplog.text


def test_mlflow_s_server_sends_no_telemetry_and_has_no_assistant_for_other_machines(tracking_uri: str) -> None:
    pages = f"{tracking_uri}/ajax-api/3.0/mlflow"
    told = requests.post(f"{pages}/ui-telemetry", json={"records": []}, timeout=10)
    assert told.json() == {"status": "disabled"}
    elsewhere = {"X-Forwarded-For": "192.0.2.1"}  # as a reverse proxy on this machine passes it on
    assert requests.post(f"{pages}/assistant/message", json={}, headers=elsewhere, timeout=10).status_code == 403


def test_a_request_that_mlflow_rejects_is_not_called_an_outage(tracking_uri: str) -> None:
    with (
        pytest.raises(BadInput, match=r"rejects the request \(RESOURCE_DOES_NOT_EXIST\)"),
        registry.connect(tracking_uri) as client,
    ):
        client.get_run(uuid4().hex)
