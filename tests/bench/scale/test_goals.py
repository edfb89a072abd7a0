"""The goals of a run of round numbers."""

from typing import Any

import pytest

from tests.bench.scale.goals import Goal, compare
from tests.bench.scale.tables import render_day, render_floors, render_goals, render_stores

TASKS = ("ingest_imdb", "build_features", "publish_features", "predict_all --part=model")


def use(seconds: float, mib: float = 100, tmp: float = 0) -> dict[str, Any]:
    memory = {"peak_mib": mib, "tmp_mib": tmp, "tmp_left_mib": 0, "load_average": 1}
    return {"processor_seconds": seconds, "wall_seconds": 2 * seconds, **memory, "server_seconds": {"s3": 1}}


def make_day(seconds: float) -> dict[str, Any]:
    return {"tasks": {task: use(seconds) for task in TASKS}, "stores": {"redis": 7.5}}


@pytest.fixture(name="days")
def make_days() -> dict[str, Any]:
    return {"first": make_day(10), "quiet": make_day(1), "changed": make_day(5)}


FLOORS = {
    "starts": {task.split()[0]: use(2) for task in TASKS[1:]},
    "zcat": use(4),
    "copy": {"movie": {"copy_seconds": 4, "key_seconds": 1}, "credit": {"copy_seconds": 6, "key_seconds": 2}},
    "imdb_sqlite": {"left_out": "no network"},
}


def test_the_goals(days: dict[str, Any]) -> None:
    days["quiet"]["tasks"]["publish_features"] = use(1, mib=900, tmp=200)
    goals = compare(days, FLOORS, lines=10_000_000, movies=320_000)
    values = {goal.name: goal.value for goal in goals}
    assert values["ingest / zcat | wc -l, processor time"] == 2.5
    assert values["ingest / COPY alone, time"] == 2
    assert values["ingest, lines/s"] == 500_000
    assert values["ingest, lines/processor s"] == 1_000_000
    assert values["publish_features, movies/s"] == 16_000
    assert values["publish_features, movies/processor s, no start"] == 40_000
    assert values["memory and /tmp, MiB, most: publish_features, quiet day"] == 1100
    assert (values["quiet day, s"], values["changed day, s"]) == (8, 40)
    missed = {goal.name.partition(",")[0] for goal in goals if not goal.is_met}
    assert missed == {"ingest / zcat | wc -l", "ingest / COPY alone", "memory and /tmp", "predict_all --part=model"}


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(2, False, True), (2.1, False, False), (2, True, True), (1.9, True, False)]
)
def test_a_limit_is_met_when_it_is_reached(value: float, at_least: bool, met: bool) -> None:
    assert Goal("name", value, 2, at_least).is_met is met


def test_the_tables_have_a_line_for_each_figure(days: dict[str, Any]) -> None:
    goals = render_goals(compare(days, FLOORS, 1, 1)).splitlines()
    assert sum(line.endswith(("met", "missed")) for line in goals) == len(goals) - 1
    assert [line.split()[0] for line in render_day("first", days["first"]).splitlines()[1:-1]] == [
        task.split()[0] for task in TASKS
    ]
    assert render_stores(days).splitlines()[1].split() == ["redis", "7.5", "7.5", "7.5"]
    floors = render_floors(FLOORS)
    assert "left out: no network" in floors
    assert "start of publish_features" in floors
