"""The figures of a run as tables of text."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.scale.goals import Goal, sum_seconds

COLUMNS = ("processor s", "servers s", "wall s", "peak MiB", "tmp MiB", "tmp left", "load")
WIDTH = 34


def render_day(name: str, day: Mapping[str, Any]) -> str:
    """Return a table of the day's tasks."""
    lines = [f"{name + ' day':<{WIDTH}}" + "".join(f"{column:>12}" for column in COLUMNS)]
    for task, usage in day["tasks"].items():
        servers = sum(usage["server_seconds"].values())
        figures = [usage["processor_seconds"], servers, usage["wall_seconds"], usage["peak_mib"], usage["tmp_mib"]]
        lines.append(render_row(task, [*figures, usage["tmp_left_mib"], usage["load_average"]]))
    return "\n".join([*lines, f"{'all tasks':<{WIDTH}}{sum_seconds(day):36.1f}"])


def render_stores(days: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the stores' sizes after each day; those in MiB have no unit in their name."""
    names = sorted({name for day in days.values() for name in day["stores"]})
    head = f"{'stores, MiB':<{WIDTH}}" + "".join(f"{day:>12}" for day in days)
    return "\n".join([head, *(render_row(name, [day["stores"].get(name, 0) for day in days.values()]) for name in names)])


def render_floors(floors: Mapping[str, Any]) -> str:
    """Return the programs beside ingest_imdb."""
    lines = [
        f"{'floors and peers':<{WIDTH}}" + "".join(f"{column:>12}" for column in ("processor s", "wall s", "peak MiB", "load"))
    ]
    for name, usage in floors.items():
        if name == "starts":
            lines += [render_row(f"start of {verb}", pick(start)) for verb, start in usage.items()]
        elif name == "copy":
            copied, keys = (sum(table[key] for table in usage.values()) for key in ("copy_seconds", "key_seconds"))
            lines.append(f"{'COPY alone, its keys':<{WIDTH}}{'':12}{copied:12.1f}{keys:12.1f} s")
        elif "left_out" in usage:
            lines.append(f"{name:<{WIDTH}}left out: {usage['left_out']}")
        else:
            more = f"   {usage['lines']} lines of its own, {usage['lines_per_second']:.0f}/s" if "lines" in usage else ""
            lines.append(render_row(name, pick(usage)) + more)
    return "\n".join(lines)


def pick(usage: Mapping[str, Any]) -> list[float]:
    return [usage[key] for key in ("processor_seconds", "wall_seconds", "peak_mib", "load_average")]


def render_goals(goals: Sequence[Goal]) -> str:
    """Return each figure with its goal."""
    lines = [f"{'goal':<72}{'measured':>12}{'wanted':>14}"]
    for goal in goals:
        sign, state = ">=" if goal.at_least else "<=", "met" if goal.is_met else "missed"
        lines.append(f"{goal.name:<72}{goal.value:12.2f}{sign:>5}{goal.limit:9.1f}   {state}")
    return "\n".join(lines)


def render_row(name: str, figures: Sequence[float]) -> str:
    return f"{name:<{WIDTH}}" + "".join(f"{figure:12.1f}" for figure in figures)
