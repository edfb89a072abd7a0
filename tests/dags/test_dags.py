"""The DAGs are thin wiring that a user can read and trigger, and a task's exit code decides what happens next."""

import os
import stat
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags import refresh_movies, train_model
from dags.container import NO_RETRY, TaskProcess, run_task
from dags.schedule import FEATURES, RETRIES
from tasks.core import errors

DAGS = [refresh_movies.dag, train_model.dag]


@pytest.fixture(params=DAGS, ids=[dag.dag_id for dag in DAGS])
def dag(request: pytest.FixtureRequest) -> DAG:
    assert isinstance(request.param, DAG)
    return request.param


def test_every_task_is_started_by_run_task(dag: DAG) -> None:
    assert dag.tasks
    assert all(isinstance(task, TaskProcess) for task in dag.tasks)


def test_a_user_can_read_and_fill_in_what_a_dag_does(dag: DAG) -> None:
    assert dag.doc_md
    assert dag.tags
    assert dag.params.get_param("day").schema["format"] == "date"


def test_no_dag_surprises_with_old_or_parallel_runs(dag: DAG) -> None:
    assert not dag.catchup
    assert dag.max_active_runs == 1
    assert not dag.is_paused_upon_creation


def test_every_task_has_a_limit_and_retries_and_passes_nothing_through_xcom(dag: DAG) -> None:
    for task in dag.tasks:
        assert isinstance(task, TaskProcess)
        assert task.execution_timeout is not None
        assert task.retries == RETRIES["retries"]
        assert not task.do_xcom_push


def test_the_sources_are_read_side_by_side_and_publishing_wakes_training() -> None:
    dag = refresh_movies.dag
    assert {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks} == {
        "ingest_imdb": [],
        "ingest_tmdb": [],
        "build_features": ["ingest_imdb", "ingest_tmdb"],
        "publish_features": ["build_features"],
    }
    assert dag.get_task("publish_features").outlets == [FEATURES]


def test_every_task_is_a_verb_of_tasks() -> None:
    verbs = {path.stem for path in (Path(errors.__file__).parents[1]).glob("*.py")}
    assert {task.task_id for dag in DAGS for task in dag.tasks} <= verbs


def test_the_exit_codes_without_a_retry_are_those_of_the_errors_that_no_retry_helps() -> None:
    final = (errors.BadInput, errors.Refused, errors.BadSetting)
    assert {error.exit_code for error in final} == set(NO_RETRY)
    assert errors.Unavailable.exit_code not in NO_RETRY


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the tasks' Python that writes down how it was called and ends with $CODE."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\nexit $CODE\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TASKS_PYTHON", str(script))
    return script


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (65, AirflowFailException),
        (77, AirflowFailException),
        (78, AirflowFailException),
        (75, AirflowException),
        (1, AirflowException),
    ],
)
def test_an_exit_code_fails_the_task_for_good_or_for_another_try(
    python: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    monkeypatch.setenv("CODE", str(code))
    with pytest.raises(AirflowException) as caught:
        TaskProcess(task_id="ingest_imdb", verb="ingest_imdb", day="2026-11-22").execute({})
    assert type(caught.value) is error
    assert str(code) in str(caught.value)


def test_a_task_gets_its_day_and_none_of_airflow_s_keys(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "0")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "canary")
    TaskProcess(task_id="ingest_imdb", verb="ingest_imdb", day="2026-11-22").execute({})
    assert (python.parent / "arguments").read_text().split() == ["-m", "tasks.ingest_imdb", "--day", "2026-11-22"]
    assert "canary" not in (python.parent / "environment").read_text()
    assert os.environ["TASKS_PYTHON"] in (python.parent / "environment").read_text()


def test_a_runner_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_RUNNER", "telepathy")
    with pytest.raises(ValueError, match="telepathy"):
        run_task("ingest_imdb", timeout=RETRIES["retry_delay"])  # type: ignore[arg-type]
