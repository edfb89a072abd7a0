"""A task as a process: its command line, its environment, and the error for each end."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.runners.process import TaskProcess
from tests.dags.runners.fake_engine import RUN, context


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a fake interpreter that records its arguments and environment and ends with $CODE."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\nexit $CODE\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TASKS_PYTHON", str(script))
    return script


@pytest.fixture
def task() -> TaskProcess:
    return TaskProcess(
        task_id="ingest_imdb", verb="ingest_imdb", memory="2g", day="2026-11-22", execution_timeout=timedelta(minutes=1)
    )


def test_a_task_gets_its_day_and_name_but_no_key_of_airflow(
    python: Path, task: TaskProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE", "0")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "canary")
    task.execute(context(number=2))
    environment = (python.parent / "environment").read_text()
    assert (python.parent / "arguments").read_text().split() == ["-m", "tasks.ingest_imdb", "--day", "2026-11-22"]
    assert f"TASK_ATTEMPT=refresh_movies/{RUN}/ingest_imdb/2\n" in environment
    assert "canary" not in environment
    assert os.environ["TASKS_PYTHON"] in environment


def test_a_task_gets_its_flags(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "0")
    TaskProcess(task_id="t", verb="audit_skew", memory="2g", day="2026-11-22", flags=["--no-accept"]).execute(context())
    called = (python.parent / "arguments").read_text().split()
    assert called == ["-m", "tasks.audit_skew", "--day", "2026-11-22", "--no-accept"]


@pytest.mark.parametrize(("code", "error"), [(65, AirflowFailException), (75, AirflowException)])
def test_its_exit_code_ends_the_task(
    python: Path, task: TaskProcess, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    monkeypatch.setenv("CODE", str(code))
    with pytest.raises(AirflowException, match=f"tasks.ingest_imdb ended with exit code {code}") as caught:
        task.execute(context())
    assert type(caught.value) is error


def test_a_process_killed_from_outside_is_tried_again(python: Path, task: TaskProcess) -> None:
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(AirflowException, match="killed from outside by SIGKILL") as caught:
        task.execute(context())
    assert type(caught.value) is AirflowException
