"""Settings for the DAGs' tests. Airflow reads its own when it is imported: a home of its own, and no database."""

import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="marquee-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"

from unittest.mock import Mock

import pytest
from airflow.sdk import BaseOperator

SETTINGS = {
    "TASKS_IMAGE": "marquee/tasks:1",
    "TASKS_NETWORK": "marquee_tasks",
    "TASKS_SECRET": "marquee-tasks",
    "MARQUEE_PLATFORM": "marquee",
    "DOCKER_HOST": "tcp://docker-filter:2375",
}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what each of the runners needs."""
    monkeypatch.delenv("TASK_RUNNER", raising=False)
    monkeypatch.delenv("TASK_QUEUE", raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the warnings in the tasks' logs."""
    lines: list[str] = []
    log = Mock(warning=lambda text, *values: lines.append(text % values))
    monkeypatch.setattr(BaseOperator, "log", log, raising=False)
    return lines
