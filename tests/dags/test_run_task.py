"""One function starts a task, whatever runs it; its exit code decides what happens next."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.attempt import Attempt
from dags.run_task import NO_RETRY, failure, run_task, task_environment
from dags.runners.docker import TaskContainer
from dags.runners.kubernetes import TaskPod
from dags.runners.process import TaskProcess
from tasks.core import errors
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
def test_the_day_is_the_form_s_else_the_one_on_which_the_run_was_due(
    monkeypatch: pytest.MonkeyPatch, runner: str, params: dict[str, str | None], day: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    task: Any = run_task("ingest_imdb", timeout=HOUR)
    due = SimpleNamespace(run_after=datetime(2026, 11, 22, 3, tzinfo=UTC))
    task.render_template_fields({"params": params, "dag_run": due})
    shown = {"process": "day", "docker": "command", "kubernetes": "arguments"}[runner]
    assert getattr(task, shown) in (day, ["python", "-m", "tasks.ingest_imdb", "--day", day])


@pytest.mark.parametrize("runner", KINDS)
@pytest.mark.parametrize("said", [True, False, None, "", "x' }}; rm -rf / #", "{{ 1 }}", ["--day", "1"]])
def test_whatever_a_form_says_a_flag_is_one_of_two_words(monkeypatch: pytest.MonkeyPatch, runner: str, said: Any) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    task: Any = run_task("audit_skew", timeout=HOUR, flags={"accept": "accept_skew"})
    task.render_template_fields({"params": {"day": "2026-11-20", "accept_skew": said}})
    shown = {"process": "flags", "docker": "command", "kubernetes": "arguments"}[runner]
    assert getattr(task, shown)[-1] == ("--accept" if said else "--no-accept")


@pytest.mark.parametrize(("name", "param"), [("accept", "a') or ('"), ("-x", "a"), ("a b", "a"), ("", "a"), ("accept", "")])
def test_a_flag_that_is_no_plain_name_is_refused(name: str, param: str) -> None:
    with pytest.raises(ValueError, match="write both in lower case"):
        run_task("audit_skew", timeout=HOUR, flags={name: param})


def test_tasks_are_processes_unless_something_else_is_asked_for() -> None:
    assert type(run_task("ingest_imdb", timeout=HOUR)) is TaskProcess


def test_a_runner_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_RUNNER", "telepathy")
    with pytest.raises(ValueError, match="'telepathy'; use one of process, docker, kubernetes"):
        run_task("ingest_imdb", timeout=HOUR)


@pytest.mark.parametrize("memory", ["", "2", "0g", "2 g", "2Gi", "1.5g", "-1g"])
def test_a_limit_that_two_runners_would_read_in_two_ways_is_refused(memory: str) -> None:
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


def test_the_exit_codes_without_a_retry_are_those_of_the_errors_that_no_retry_helps() -> None:
    final = (errors.BadInput, errors.Refused, errors.BadSetting)
    assert {error.exit_code for error in final} == set(NO_RETRY)
    assert errors.Unavailable.exit_code not in NO_RETRY


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (65, AirflowFailException, "ended with 65: the data it reads"),
        (77, AirflowFailException, "ended with 77: an outside system refuses"),
        (78, AirflowFailException, "ended with 78: a setting"),
        (75, AirflowException, "ended with 75"),
        (1, AirflowException, "ended with 1"),
        (137, AirflowException, "killed from outside by SIGKILL"),
        (-9, AirflowException, "killed from outside by SIGKILL"),
        (143, AirflowException, "killed from outside by SIGTERM"),
        (-15, AirflowException, "killed from outside by SIGTERM"),
    ],
)
def test_an_exit_code_fails_the_task_for_good_or_for_another_try(code: int, error: type[Exception], said: str) -> None:
    raised = failure("ingest_imdb", code)
    assert type(raised) is error
    assert "tasks.ingest_imdb" in str(raised)
    assert said in str(raised)


def test_more_tries_in_the_same_memory_are_not_made() -> None:
    raised = failure("ingest_imdb", 137, "2g")
    assert type(raised) is AirflowFailException
    assert "limit of 2g was reached" in str(raised)
    assert 'run_task("ingest_imdb", memory=' in str(raised)


def test_a_try_is_named_as_airflow_names_it() -> None:
    attempt = Attempt.of(context(number=2))
    assert str(attempt) == f"refresh_movies/{RUN}/ingest_imdb/2"
    assert str(Attempt.of(context(map_index=3))) == f"refresh_movies/{RUN}/ingest_imdb_3/1"
    assert Attempt.parse(attempt.labels_of_try()) == attempt
    assert attempt.labels() == Attempt.of(context(number=1)).labels()


def test_labels_want_the_platforms_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARQUEE_PLATFORM")
    with pytest.raises(ValueError, match="MARQUEE_PLATFORM is not set"):
        Attempt.of(context()).labels()


def test_a_container_is_given_what_tasks_read_and_nothing_of_airflow_s(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "MOVIES_DATABASE_URL": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "TMDB_ACCESS_TOKEN": "c",
        "https_proxy": "d",
        "OMP_X": "e",
    }
    for name in (*theirs, "AIRFLOW__CORE__FERNET_KEY", "LD_PRELOAD", "PYTHONPATH", "TASK_RUNNER"):
        monkeypatch.setenv(name, theirs.get(name, "canary"))
    given = task_environment(Attempt.of(context()))
    assert given.items() >= theirs.items()
    assert given["TASK_ATTEMPT"] == f"refresh_movies/{RUN}/ingest_imdb/1"
    assert "canary" not in given.values()
    assert "PATH" not in given
