"""MLflow after a person has deleted something in it."""

import logging
from uuid import uuid4

import pytest

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


def test_a_request_that_mlflow_rejects_is_not_called_an_outage(tracking_uri: str) -> None:
    with (
        pytest.raises(BadInput, match=r"rejects the request \(RESOURCE_DOES_NOT_EXIST\)"),
        registry.connect(tracking_uri) as client,
    ):
        client.get_run(uuid4().hex)
