"""Tests the progress of a DAG run: every task is shown once, and a failure shows the task's last lines."""

from pathlib import Path
from typing import Any, cast

import pytest

from infra.cli import dag_runs as runs
from infra.cli.airflow_client import AirflowClient
from infra.platform.endpoints import local_endpoints
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings


class Airflow:
    """Plays a run back, one state a look."""

    endpoints = local_endpoints(Settings(_env_file=None), Secrets(Path("unused")))

    def __init__(self, looks: list[tuple[str, dict[str, str | None]]]) -> None:
        self.looks = looks

    def read_state(self, dag: str, run: str) -> str:
        return self.looks[0][0]

    def read_tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        tasks = self.looks[0][1]
        self.looks = self.looks[1:] or self.looks
        return [{"task_id": name, "state": state, "try_number": 1, "map_index": -1} for name, state in tasks.items()]

    def read_log(self, dag: str, run: str, task: dict[str, Any], lines: int) -> list[str]:
        return ["IMDb: 5 of 9 files"]


class Heard:
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []

    def begin(self, step: str, doing: str) -> None:
        self.heard.append(("begin", step, doing))

    def note(self, step: str, doing: str) -> None:
        self.heard.append(("note", step, doing))

    def end(self, step: str, outcome: str) -> None:
        self.heard.append(("end", step, outcome))

    def say(self, line: str) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "POLL_SECONDS", 0)


def follow(*looks: tuple[str, dict[str, str | None]]) -> list[tuple[str, str, str]]:
    heard = Heard()
    runs.follow_run(cast(AirflowClient, Airflow(list(looks))), "refresh_movies", "r1", heard)
    return heard.heard


def test_each_task_is_begun_and_ended_once() -> None:
    heard = follow(
        ("running", {"a": "running", "b": None}),
        ("running", {"a": "success", "b": "queued"}),
        ("success", {"a": "success", "b": "success"}),
    )
    assert [f"{what} {name}" for what, name, _ in heard] == ["begin a", "note a", "end a", "begin b", "end b"]
    assert ("note", "a", "IMDb: 5 of 9 files") in heard


def test_a_failure_names_the_task_and_shows_its_last_lines() -> None:
    with pytest.raises(StackError, match=r"failed in a;(.|\n)*5 of 9 files"):
        follow(("running", {"a": "up_for_retry", "b": None}), ("failed", {"a": "failed", "b": "upstream_failed"}))
