"""Settings and logs for the DAGs' tests."""

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
