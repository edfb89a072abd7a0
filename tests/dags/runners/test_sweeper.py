"""The sweeper removes the containers whose task is not running, and no others."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from dags.runners import engine as engines
from dags.runners.sweeper import SweepContainers
from tests.dags.runners.fake_engine import RUN, FakeEngine, container

STATES: dict[str, dict[str, dict[str, str | None]]] = {
    "refresh_movies": {
        RUN: {"ingest_imdb": "running", "ingest_tmdb": "failed", "build_features": None, "publish_features": "up_for_retry"},
    }
}
"""Airflow's answers, by DAG, run and task; deleted ones are missing."""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(engines, "connect", fake.client)
    monkeypatch.setenv("TASK_RUNNER", "docker")
    return fake


def sweep(engine: FakeEngine) -> list[str]:
    """Return the short ids of the containers that a sweep removes."""

    def get_task_states(dag_id: str, run_ids: list[str]) -> dict[str, Any]:
        assert engine.calls[0] == "GET /containers/json", "a container started after its state was read would be removed"
        return {run: states for run, states in STATES.get(dag_id, {}).items() if run in run_ids}

    context = cast(Context, {"ti": SimpleNamespace(get_task_states=get_task_states)})
    SweepContainers(task_id="sweep_containers").execute(context)
    return [call.removeprefix("DELETE /containers/").rstrip("0") for call in engine.calls if call.startswith("DELETE")]


@pytest.mark.parametrize(
    ("labels", "removed"),
    [
        ({"task": "ingest_imdb"}, False),
        ({"task": "ingest_tmdb"}, True),
        ({"task": "build_features"}, True),
        ({"task": "publish_features"}, True),
        ({"task": "train_model"}, True),
        ({"task": "ingest_imdb_1"}, True),
        ({"run": "manual__gone"}, True),
        ({"dag": "gone"}, True),
        ({"dag": "gone", "platform": "another"}, False),
    ],
)
def test_a_container_stays_only_while_its_task_runs(engine: FakeEngine, labels: dict[str, str], removed: bool) -> None:
    engine.listed = [container("abc", **labels)]
    assert sweep(engine) == (["abc"] if removed else [])


def test_a_container_started_by_hand_is_left_alone(engine: FakeEngine) -> None:
    engine.listed = [{"Id": "abc".ljust(12, "0"), "Labels": {"marquee.platform": "marquee", "marquee.task": "ingest_tmdb"}}]
    assert sweep(engine) == []


def test_a_removal_is_logged_with_its_reason_and_nothing_else_is_logged(engine: FakeEngine, warnings: list[str]) -> None:
    engine.listed = [container("abc")]
    sweep(engine)
    assert warnings == []
    engine.listed = [container("abc", task="ingest_tmdb")]
    sweep(engine)
    assert warnings == [f"removing container abc000000000 of refresh_movies/{RUN}/ingest_tmdb/1: its task is failed"]


@pytest.mark.parametrize("runner", ["process", "kubernetes"])
def test_the_sweep_is_skipped_where_tasks_are_not_containers(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.setenv("TASK_RUNNER", runner)
    with pytest.raises(AirflowSkipException, match=f"TASK_RUNNER is {runner}"):
        sweep(engine)
    assert engine.calls == []
