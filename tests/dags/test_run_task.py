"""`run_task`: one function starts a task with any runner, and the exit code decides what follows."""

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.attempt import Attempt
from dags.run_task import run_task
from dags.runners import command
from dags.runners.docker import TaskContainer
from dags.runners.environment import TASK_VARIABLE_PREFIXES, make_task_environment
from dags.runners.exit_codes import NO_RETRY, WRONG_COMMAND_LINE, to_airflow_error
from dags.runners.kubernetes import TaskPod
from dags.runners.process import TaskProcess
from tasks.core import errors
from tasks.settings import Settings
from tests.clocks import clock_at, every_clock, every_zone, local_zone
from tests.dags.runners.fake_engine import RUN, context

HOUR = timedelta(hours=1)
KINDS: dict[str, type[BaseOperator]] = {"process": TaskProcess, "docker": TaskContainer, "kubernetes": TaskPod}


@pytest.mark.parametrize("runner", KINDS)
def test_one_setting_chooses_how_a_task_runs(monkeypatch: pytest.MonkeyPatch, runner: str) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    task = run_task("ingest_imdb", timeout=HOUR, retries=7)
    assert type(task) is KINDS[runner]
    assert (task.task_id, task.execution_timeout, task.retries, task.do_xcom_push) == ("ingest_imdb", HOUR, 7, False)


@pytest.mark.parametrize("runner", KINDS)
@pytest.mark.parametrize(
    ("params", "day"), [({}, "2026-11-22"), ({"day": None}, "2026-11-22"), ({"day": "2026-11-20"}, "2026-11-20")]
)
def test_the_day_is_the_form_s_else_the_day_on_which_the_run_was_due(
    monkeypatch: pytest.MonkeyPatch, runner: str, params: dict[str, str | None], day: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    task: Any = run_task("ingest_imdb", timeout=HOUR)
    due = SimpleNamespace(run_after=datetime(2026, 11, 22, 3, tzinfo=UTC))
    task.render_template_fields({"params": params, "dag_run": due})
    shown = {"process": "day", "docker": "command", "kubernetes": "arguments"}[runner]
    due_flag = "--no-due" if params.get("day") else "--due"
    assert getattr(task, shown) in (day, ["python", "-m", "tasks.ingest_imdb", "--day", day, due_flag])
    assert runner != "process" or task.flags == [due_flag]


@every_zone
@every_clock
@pytest.mark.parametrize("runner", KINDS)
def test_the_day_is_that_of_utc_at_any_hour_in_any_zone(
    monkeypatch: pytest.MonkeyPatch, runner: str, clock: datetime, zone: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    shown = {"process": "day", "docker": "command", "kubernetes": "arguments"}[runner]
    with local_zone(zone):
        task: Any = run_task("ingest_imdb", timeout=HOUR)
        task.render_template_fields({"params": {}, "dag_run": SimpleNamespace(run_after=clock)})
    assert getattr(task, shown) in ("2026-11-26", ["python", "-m", "tasks.ingest_imdb", "--day", "2026-11-26", "--due"])


@every_zone
@every_clock
@pytest.mark.parametrize("runner", KINDS)
def test_a_day_in_the_future_fails_for_good_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, runner: str, clock: datetime, zone: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    check = run_task("ingest_imdb", timeout=HOUR)._pre_execute_hook  # Airflow calls it before execute
    assert check is not None
    with clock_at(clock, zone, command):
        for day in (None, "", "2026-11-25", "2026-11-26"):
            check({"params": {"day": day}})
        check({"params": {}})
        with pytest.raises(AirflowFailException, match="the day 2026-11-27 is in the future"):
            check({"params": {"day": "2026-11-27"}})
        monkeypatch.setenv("WORLD_URL", "http://sources/world")
        check({"params": {"day": "2026-11-27"}})  # the sample's world may be ahead; the verb knows its day


@pytest.mark.parametrize("runner", KINDS)
@pytest.mark.parametrize("value", [True, False, None, "", "x' }}; rm -rf / #", "{{ 1 }}", ["--day", "1"]])
def test_a_flag_renders_to_one_of_two_words_for_any_value(monkeypatch: pytest.MonkeyPatch, runner: str, value: Any) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    task: Any = run_task("audit_skew", timeout=HOUR, flags={"accept": "accept_skew"})
    task.render_template_fields({"params": {"day": "2026-11-20", "accept_skew": value}})
    shown = {"process": "flags", "docker": "command", "kubernetes": "arguments"}[runner]
    assert getattr(task, shown)[-1] == ("--accept" if value else "--no-accept")


@pytest.mark.parametrize(("name", "param"), [("accept", "a') or ('"), ("-x", "a"), ("a b", "a"), ("", "a"), ("accept", "")])
def test_a_flag_that_is_not_a_plain_name_is_rejected(name: str, param: str) -> None:
    with pytest.raises(ValueError, match="write both in lower case"):
        run_task("audit_skew", timeout=HOUR, flags={name: param})


def test_tasks_are_processes_by_default() -> None:
    assert type(run_task("ingest_imdb", timeout=HOUR)) is TaskProcess


def test_an_unknown_runner_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_RUNNER", "telepathy")
    with pytest.raises(ValueError, match="'telepathy'; use one of process, docker, kubernetes"):
        run_task("ingest_imdb", timeout=HOUR)


@pytest.mark.parametrize("memory", ["", "2", "0g", "2 g", "2Gi", "1.5g", "-1g"])
def test_a_memory_limit_that_two_runners_would_read_differently_is_rejected(memory: str) -> None:
    with pytest.raises(ValueError, match="memory of ingest_imdb"):
        run_task("ingest_imdb", timeout=HOUR, memory=memory)


@pytest.mark.parametrize(
    ("runner", "name"),
    [("docker", "TASKS_IMAGE"), ("docker", "TASKS_NETWORK"), ("kubernetes", "TASKS_IMAGE"), ("kubernetes", "TASKS_SECRET")],
)
def test_a_setting_that_a_runner_lacks_is_named(monkeypatch: pytest.MonkeyPatch, runner: str, name: str) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    monkeypatch.delenv(name)
    with pytest.raises(ValueError, match=f"{name} is not set, and TASK_RUNNER={runner} needs it"):
        run_task("ingest_imdb", timeout=HOUR)


@pytest.mark.parametrize("runner", KINDS)
def test_tasks_go_to_the_workers_of_the_queue_that_is_set(monkeypatch: pytest.MonkeyPatch, runner: str) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    usual = run_task("ingest_imdb", timeout=HOUR).queue
    monkeypatch.setenv("TASK_QUEUE", "")
    assert run_task("ingest_imdb", timeout=HOUR).queue == usual
    monkeypatch.setenv("TASK_QUEUE", "tasks")
    assert run_task("ingest_imdb", timeout=HOUR).queue == "tasks"
    assert run_task("ingest_imdb", timeout=HOUR, queue="large").queue == "large"


def test_the_exit_codes_without_a_retry_are_those_of_the_errors_that_a_retry_cannot_change() -> None:
    codes = {
        error.exit_code for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.TaskError)
    }
    assert set(NO_RETRY) == (codes - {1, os.EX_TEMPFAIL}) | {WRONG_COMMAND_LINE, os.EX_USAGE}
    assert errors.Unavailable.exit_code == os.EX_TEMPFAIL


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (2, AirflowFailException, "ended with exit code 2: its command line is wrong"),
        (64, AirflowFailException, "ended with exit code 64: it was asked for something that it does not do"),
        (65, AirflowFailException, "ended with exit code 65: the data it reads"),
        (77, AirflowFailException, "ended with exit code 77: an outside system rejects"),
        (78, AirflowFailException, "ended with exit code 78: a setting"),
        (75, AirflowException, "ended with exit code 75"),
        (1, AirflowException, "ended with exit code 1"),
        (137, AirflowException, "killed from outside by SIGKILL"),
        (-9, AirflowException, "killed from outside by SIGKILL"),
        (143, AirflowException, "killed from outside by SIGTERM"),
        (-15, AirflowException, "killed from outside by SIGTERM"),
    ],
)
def test_an_exit_code_fails_the_task_for_good_or_leads_to_another_attempt(
    code: int, error: type[Exception], message: str
) -> None:
    raised = to_airflow_error("ingest_imdb", code)
    assert type(raised) is error
    assert "tasks.ingest_imdb" in str(raised)
    assert message in str(raised)


def test_a_task_that_ran_out_of_memory_is_not_tried_again() -> None:
    raised = to_airflow_error("ingest_imdb", 137, "2g")
    assert type(raised) is AirflowFailException
    assert "limit of 2g was reached" in str(raised)
    assert 'run_task("ingest_imdb", memory=' in str(raised)


def test_an_attempt_has_the_names_that_airflow_uses() -> None:
    attempt = Attempt.of(context(number=2))
    assert str(attempt) == f"refresh_movies/{RUN}/ingest_imdb/2"
    assert str(Attempt.of(context(map_index=3))) == f"refresh_movies/{RUN}/ingest_imdb_3/1"
    assert Attempt.parse(attempt.attempt_labels()) == attempt
    assert attempt.task_labels() == Attempt.of(context(number=1)).task_labels()


def test_labels_need_the_platforms_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARQUEE_PLATFORM")
    with pytest.raises(ValueError, match="MARQUEE_PLATFORM is not set"):
        Attempt.of(context()).task_labels()


def test_a_container_gets_the_variables_of_tasks_but_not_airflows(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {
        "MOVIES_DATABASE_URL": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "TMDB_ACCESS_TOKEN": "c",
        "https_proxy": "d",
        "OMP_X": "e",
    }
    for name in (*expected, "AIRFLOW__CORE__FERNET_KEY", "LD_PRELOAD", "PYTHONPATH", "TASK_RUNNER"):
        monkeypatch.setenv(name, expected.get(name, "canary"))
    environment = make_task_environment(Attempt.of(context()))
    assert environment.items() >= expected.items()
    assert environment["TASK_ATTEMPT"] == f"refresh_movies/{RUN}/ingest_imdb/1"
    assert "canary" not in environment.values()
    assert "PATH" not in environment


def test_every_setting_of_the_tasks_reaches_their_containers() -> None:
    """A container gets only the variables with these prefixes; a setting without one would work in the embedded stack alone."""
    names = {name.upper() for name in Settings.model_fields} - {"TASK_ATTEMPT", "TASK_IMAGE"}
    assert {name for name in names if not name.startswith(TASK_VARIABLE_PREFIXES)} == set()
