"""The figures of a run beside the floors of the same run, and beside what is wanted at full size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INGEST_MEMORY_MIB, INGEST_TMP_MIB, TASK_MEMORY_MIB = 256, 100, 1024
FULL_MOVIES = 872_000
"""The movies of scale 1, on which the goals in seconds are stated."""
RATES = {"build_features": FULL_MOVIES / 60, "publish_features": 15_000, "predict_all --part=model": FULL_MOVIES / 30}
"""Movies a second that each task must do at least."""
Usages = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure and its limit."""

    name: str
    value: float
    limit: float
    at_least: bool = False
    """The limit is the least that is wanted, not the most."""

    @property
    def is_met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def describe(self) -> dict[str, Any]:
        return {"value": self.value, "limit": self.limit, "at_least": self.at_least, "is_met": self.is_met}


def compare(days: Mapping[str, Usages], floors: Usages, lines: int, movies: int) -> list[Goal]:
    """Return the goals. days: tasks by name and day; floors: by program; lines, movies: of the first day's files."""
    ingest, largest = days["first"]["tasks"]["ingest_imdb"], find_largest(days)
    ingests = [day["tasks"]["ingest_imdb"] for day in days.values()]
    copy_seconds = sum(table["copy_seconds"] for table in floors["copy"].values())
    return [
        Goal("ingest / zcat | wc -l, processor time", ingest["processor_seconds"] / floors["zcat"]["processor_seconds"], 2),
        Goal("ingest / COPY alone, time", ingest["wall_seconds"] / copy_seconds, 1.5),
        Goal("ingest, lines/s", lines / ingest["wall_seconds"], 400_000, at_least=True),
        Goal("ingest, lines/processor s", lines / ingest["processor_seconds"], 400_000, at_least=True),
        Goal("ingest, memory, MiB", max(usage["peak_mib"] for usage in ingests), INGEST_MEMORY_MIB),
        Goal("ingest, /tmp, MiB", max(usage["tmp_mib"] for usage in ingests), INGEST_TMP_MIB),
        largest,
        *compare_rates(days["first"]["tasks"], floors["starts"], movies),
        Goal("quiet day, s", sum_seconds(days["quiet"]), 120),
        Goal("changed day, s", sum_seconds(days["changed"]), 600),
    ]


def find_largest(days: Mapping[str, Usages]) -> Goal:
    """Return the goal of the task that needs most: memory and /tmp, which is in memory in a container."""
    goals = [
        Goal(f"memory and /tmp, MiB, most: {task}, {name} day", usage["peak_mib"] + usage["tmp_mib"], TASK_MEMORY_MIB)
        for name, day in days.items()
        for task, usage in day["tasks"].items()
    ]
    return max(goals, key=lambda goal: goal.value)


def compare_rates(tasks: Usages, starts: Usages, movies: int) -> list[Goal]:
    """Return movies/s of each task, and movies a processor second without its start, which takes seconds at every scale.

    The second is the rate of one quiet core: other programs on the machine hardly change it.
    """
    goals = []
    for task, least in RATES.items():
        work = tasks[task]["processor_seconds"] - starts[task.split()[0]]["processor_seconds"]
        goals.append(Goal(f"{task}, movies/s", movies / tasks[task]["wall_seconds"], least, at_least=True))
        goals.append(Goal(f"{task}, movies/processor s, no start", movies / max(work, 1e-9), least, at_least=True))
    return goals


def sum_seconds(day: Usages) -> float:
    """Return the time of all tasks of a day, one after another."""
    return float(sum(usage["wall_seconds"] for usage in day["tasks"].values()))
