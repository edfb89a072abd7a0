"""The DAGs: what a user can read and trigger, when they run, and that each of their tasks is started by run_task."""

import runpy
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction, Timetable

import dags
from dags.runners.airflow_history import CleanAirflow
from dags.runners.sweeper import SweepContainers
from dags.schedule import FEATURES, RETRIES
from tasks.core import errors
from tests.dags.test_run_task import KINDS

FOLDER = Path(dags.__file__).parent
SOURCES = {str(path.relative_to(FOLDER)): path.read_text() for path in FOLDER.rglob("*.py")}
NAMES = sorted(name.removesuffix(".py") for name, text in SOURCES.items() if "\nwith DAG(" in text)
OWN_OPERATORS: dict[str, type[BaseOperator]] = {"sweep_containers": SweepContainers, "clean_airflow": CleanAirflow}
"""Tasks that work on the engine or on Airflow itself, and so are no verbs."""
MAINTENANCE = ("clean_history", "reconcile", "sweep")
EVERY_FIVE_MINUTES = ("reconcile", "sweep")


@pytest.fixture(params=[(name, runner) for name in NAMES for runner in KINDS], ids="-".join)
def dag(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DAG:
    name, runner = request.param
    monkeypatch.setenv("TASK_RUNNER", runner)
    return load(name)


def load(name: str) -> DAG:
    """Parse a DAG file anew, as Airflow does for every task."""
    dag = runpy.run_path(str(FOLDER / f"{name}.py"))["dag"]
    assert isinstance(dag, DAG)
    return dag


def test_a_dag_is_named_as_its_file() -> None:
    names = ("backfill", "clean_history", "reconcile", "refresh_movies", "sweep", "train_model")
    assert {name: load(name).dag_id for name in NAMES} == {name: name for name in names}


def test_every_task_is_started_by_run_task(dag: DAG, request: pytest.FixtureRequest) -> None:
    _, runner = request.node.callspec.params["dag"]
    assert dag.tasks
    for task in dag.tasks:
        assert type(task) is OWN_OPERATORS.get(task.task_id, KINDS[runner])


def test_airflow_parses_the_dag_files_and_no_other() -> None:
    ignored = [line for line in (FOLDER / ".airflowignore").read_text().splitlines() if not line.startswith("#")]
    # Airflow itself looks only at files that contain both words.
    looked_at = {name for name, text in SOURCES.items() if "airflow" in text.lower() and "dag" in text.lower()}
    assert {name for name in looked_at if not any(fnmatch(name, pattern.removesuffix("/") + "*") for pattern in ignored)} == {
        f"{n}.py" for n in NAMES
    }


def test_a_user_can_read_what_a_dag_does_and_fill_in_its_day(dag: DAG) -> None:
    assert dag.doc_md
    assert dag.tags
    if dag.dag_id in MAINTENANCE:
        assert not dag.params
    else:
        assert dag.params.get_param("day").schema["format"] == "date"


def test_no_dag_surprises_with_old_or_parallel_runs(dag: DAG) -> None:
    assert not dag.catchup
    assert dag.max_active_runs == 1
    assert dag.dagrun_timeout
    assert not dag.is_paused_upon_creation


@pytest.mark.parametrize(("value", "caught_up"), [("", False), ("2026-11-20", True)])
def test_missed_days_are_caught_up_if_the_setting_says_so(monkeypatch: pytest.MonkeyPatch, value: str, caught_up: bool) -> None:
    monkeypatch.setenv("CATCH_UP_SINCE", value)
    assert {name: load(name).catchup for name in NAMES} == dict.fromkeys(NAMES, False) | {"refresh_movies": caught_up}


def test_every_missed_day_gets_a_run_in_order_and_none_before_the_first_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCH_UP_SINCE", "2026-11-20")
    timetable = load("refresh_movies").timetable
    assert isinstance(timetable, Timetable)
    restriction = TimeRestriction(earliest=pendulum.datetime(2026, 11, 20), latest=None, catchup=True)
    runs, last = [], None
    for _ in range(3):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        assert info is not None
        runs.append(info.run_after)
        last = info.data_interval
    assert runs == [datetime(2026, 11, day, 3, tzinfo=UTC) for day in (20, 21, 22)]


def test_a_malformed_first_day_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCH_UP_SINCE", "yes")
    with pytest.raises(ValueError, match="CATCH_UP_SINCE is 'yes'; write a day as YYYY-MM-DD"):
        load("refresh_movies")


@pytest.mark.parametrize("runner", KINDS)
def test_a_backfill_builds_every_day_of_its_form_and_triggers_nothing(monkeypatch: pytest.MonkeyPatch, runner: str) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    dag = load("backfill")
    assert {name: dag.params.get_param(name).schema["format"] for name in ("since", "day")} == {"since": "date", "day": "date"}
    task: Any = dag.get_task("build_features")
    task.render_template_fields({"params": {"since": "2026-10-01", "day": "2026-11-01"}, "dag_run": SimpleNamespace()})
    shown = {"process": "flags", "docker": "command", "kubernetes": "arguments"}[runner]
    flags = ["--no-due", "--since=2026-10-01"]
    assert getattr(task, shown) in (flags, ["python", "-m", "tasks.build_features", "--day", "2026-11-01", *flags])
    assert not task.outlets


def test_every_task_has_a_limit_and_retries_and_passes_nothing_through_xcom(dag: DAG) -> None:
    for task in dag.tasks:
        assert isinstance(task, BaseOperator)
        assert task.execution_timeout is not None
        assert task.retries == (0 if dag.dag_id in EVERY_FIVE_MINUTES else RETRIES["retries"])
        assert not task.do_xcom_push


def test_the_tasks_run_one_after_another_and_deploying_triggers_training() -> None:
    dag = load("refresh_movies")
    assert {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks} == {
        "ingest_imdb": [],
        "ingest_tmdb": ["ingest_imdb"],
        "build_features": ["ingest_imdb", "ingest_tmdb"],
        "audit_skew": ["build_features"],
        "publish_features": ["audit_skew"],
        "predict_all": ["publish_features"],
        "deploy": ["predict_all"],
    }
    assert dag.get_task("deploy").outlets == [FEATURES]


@pytest.mark.parametrize("runner", KINDS)
@pytest.mark.parametrize(
    ("params", "flag"), [({}, "--no-accept"), ({"accept_skew": False}, "--no-accept"), ({"accept_skew": True}, "--accept")]
)
def test_a_person_may_accept_the_skew_that_the_audit_finds(
    monkeypatch: pytest.MonkeyPatch, runner: str, params: dict[str, bool], flag: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    dag = load("refresh_movies")
    assert dag.params.get_param("accept_skew").schema["type"] == "boolean"
    assert dag.params.get_param("accept_skew").value is False
    assert "**Accept skew**" in str(dag.doc_md)
    task: Any = dag.get_task("audit_skew")
    day = "2026-11-22"
    task.render_template_fields({"params": {"day": day, **params}, "dag_run": SimpleNamespace(run_after=None)})
    shown = {"process": "flags", "docker": "command", "kubernetes": "arguments"}[runner]
    flags = ["--no-due", flag]
    assert getattr(task, shown) in (flags, ["python", "-m", "tasks.audit_skew", "--day", day, *flags])


@pytest.mark.parametrize(("name", "part"), [("refresh_movies", "features"), ("train_model", "model")])
@pytest.mark.parametrize("runner", KINDS)
def test_what_a_dag_has_prepared_is_predicted_and_deployed(
    monkeypatch: pytest.MonkeyPatch, runner: str, name: str, part: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    shown = {"process": "flags", "docker": "command", "kubernetes": "arguments"}[runner]
    for verb in ("predict_all", "deploy"):
        assert getattr(load(name).get_task(verb), shown)[-1] == f"--part={part}"


def test_a_trained_model_is_deployed_by_the_same_run() -> None:
    assert {task.task_id: list(task.upstream_task_ids) for task in load("train_model").tasks} == {
        "train_model": [],
        "predict_all": ["train_model"],
        "deploy": ["predict_all"],
    }


def test_leases_are_swept_even_where_no_containers_are() -> None:
    assert {task.task_id: list(task.upstream_task_ids) for task in load("sweep").tasks} == {
        "sweep_containers": [],
        "sweep_leases": [],
    }


def test_what_is_cleaned_does_not_wait_for_one_another() -> None:
    assert {task.task_id: list(task.upstream_task_ids) for task in load("clean_history").tasks} == {
        "clean_airflow": [],
        "expire_snapshots": [],
        "remove_training_runs": [],
    }


def test_unused_parts_are_removed_after_the_reconciliation() -> None:
    assert {task.task_id: list(task.upstream_task_ids) for task in load("reconcile").tasks} == {
        "reconcile_deployment": [],
        "remove_unused_parts": ["reconcile_deployment"],
    }


def test_every_task_is_a_verb_of_tasks() -> None:
    verbs = {path.stem for path in (Path(errors.__file__).parents[1]).glob("*.py")}
    assert {task.task_id for name in NAMES for task in load(name).tasks} <= verbs | set(OWN_OPERATORS)


def test_airflow_stores_no_secret_with_a_dag(dag: DAG, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "MOVIES_DATABASE_URL", "TMDB_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "canary")
    stored = repr(DagSerialization.to_dict(load(dag.dag_id)))
    assert dag.tasks[0].task_id in stored
    assert "canary" not in stored
