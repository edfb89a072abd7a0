"""The daily run on IMDb's files at (a share of) their size, beside floors and peers: `make bench-scale ARGS="--scale 0.25"`.

    python -m tests.bench.scenarios.scale [--scale 0.02] [--changed 0.01] [--seed 1] [--without imdb_sqlite]

Writes the five files, invented in IMDb's layout (scale 1 has 132 million lines), then runs the tasks of three days as processes:
the first day, a quiet day with the same files, a day on which a share of all rows has changed. TMDB is not asked: its waiting is
not measured. On the same files it measures `zcat | wc -l`, ISA-L, COPY alone of the rows that are kept, DuckDB's CSV reader, and
imdb-sqlite on smaller ones. The figures are also in .marquee/bench/scale.json, the tasks' logs in .marquee/bench/scale.log.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.platform.connections import connect_postgres
from tests.bench.imdb_files.slices import FILES
from tests.bench.imdb_files.write import Written
from tests.bench.results import conclude, keep, keep_log
from tests.bench.scale.checks import count_rows, find_broken
from tests.bench.scale.copy_alone import measure_copy
from tests.bench.scale.floors import Floors
from tests.bench.scale.goals import RATES, compare
from tests.bench.scale.measure import run_measured
from tests.bench.scale.platform import ScalePlatform, join_logs, start_platform
from tests.bench.scale.tables import render_day, render_floors, render_goals, render_stores
from tests.bench.scenarios.world import measure_stores

DAY = (
    *(("ingest_imdb",), ("build_features",), ("audit_skew",), ("publish_features",), ("predict_all", "--part=features")),
    *(("deploy", "--part=features"), ("train_model",), ("predict_all", "--part=model"), ("deploy", "--part=model")),
    ("remove_unused_parts",),
)
"""The tasks of the DAGs refresh_movies and train_model, and that of reconcile which frees Redis; ingest_tmdb is left out."""
EVERY = ("zcat", "isal", "duckdb", "copy", "imdb_sqlite")
Figures = dict[str, Any]


def write_source(folder: Path, arguments: argparse.Namespace, changed: float) -> tuple[dict[str, Written], Figures]:
    """Write the files in a process of its own; return their sizes, and what that took."""
    log, words = folder.parent / f"{folder.name}.log", ["--scale", str(arguments.scale), "--seed", str(arguments.seed)]
    command = [sys.executable, "-m", "tests.bench.imdb_files.write", str(folder), *words, "--changed", str(changed)]
    usage = run_measured(command, os.environ, log, folder.parent / f"{folder.name}.tmp")
    return {name: Written(**size) for name, size in json.loads(log.read_text()).items()}, asdict(usage)


def run_day(platform: ScalePlatform, name: str, after_ingest: Callable[[], None] = lambda: None) -> Figures:
    """Run the tasks of a day; return what each used, and the stores' sizes and rows after it.

    after_ingest: called after ingest_imdb, so that what is compared with it meets the same other load of the machine.
    """
    tasks = {}
    for words in DAY:
        tasks[" ".join(words)] = platform.run_task(*words)
        if words == DAY[0]:
            after_ingest()
    stores = measure_stores(platform.stack.endpoints)
    with connect_postgres(platform.stack.endpoints, "movies") as connection:
        rows = count_rows(connection)
    day = {"day": platform.day.isoformat(), "tasks": tasks, "stores": stores, "rows": rows}
    print(f"\n{render_day(name, day)}", flush=True)  # noqa: T201  # the result
    return day


def measure_floors(platform: ScalePlatform, files: Path, arguments: argparse.Namespace, figures: Figures) -> None:
    """Measure the programs beside ingest_imdb and add theirs to the figures; COPY writes the rows that it has loaded."""
    folder, wanted = platform.folder / "floors", [name for name in EVERY if name not in arguments.without]
    folder.mkdir()
    floors = Floors(files, folder)
    layout = platform.stack.settings.layout
    figures["starts"] = {task.split()[0]: platform.measure_start(task.split()[0]) for task in RATES}
    for name in wanted:
        if name == "copy":
            with connect_postgres(platform.stack.endpoints, "movies") as connection:
                figures[name] = measure_copy(connection, folder)
        elif name == "imdb_sqlite":
            figures[name] = floors.measure_imdb_sqlite(layout, arguments.scale, arguments.seed)
        else:
            figures[name] = {"zcat": floors.measure_zcat, "isal": floors.measure_isal, "duckdb": floors.measure_duckdb}[name]()
    print(f"\n{render_floors(figures)}", flush=True)  # noqa: T201


def measure(folder: Path, arguments: argparse.Namespace) -> tuple[Figures, list[str]]:
    """Return the figures, and the broken promises."""
    (written, first_usage), (_, changed_usage) = (
        write_source(folder / name, arguments, changed) for name, changed in (("first", 0), ("changed", arguments.changed))
    )
    figures: Figures = {
        "options": vars(arguments),
        "machine": {"cores": os.cpu_count(), "load_averages_before": os.getloadavg()},
        "source": {
            "files": {name: asdict(size) for name, size in written.items()},
            "first": first_usage,
            "changed": changed_usage,
        },
    }
    with start_platform(folder / "platform", folder / "first", arguments.redis_memory) as platform:
        floors = figures["floors"] = dict[str, Any]()
        days = figures["days"] = dict[str, Figures]()
        try:
            days["first"] = run_day(platform, "first", lambda: measure_floors(platform, folder / "first", arguments, floors))
            platform.pass_day()
            days["quiet"] = run_day(platform, "quiet")
            platform.pass_day()
            platform.serve(folder / "changed")
            days["changed"] = run_day(platform, "changed")
        finally:
            join_logs(platform.logs, folder / "scale.log")
            keep_log("scale", folder / "scale.log")
    figures["machine"]["load_averages_after"] = os.getloadavg()
    lines = sum(size.lines for size in written.values())
    goals = compare(days, floors, lines, days["first"]["rows"]["movie"])
    figures["ratios"] = {goal.name: goal.describe() for goal in goals}
    print(f"\n{render_stores(days)}\n\n{render_goals(goals)}")  # noqa: T201
    return figures, find_broken(days, floors, lines + len(FILES))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--changed", type=float, default=0.01, help="share of the rows that the third day changes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis-memory", default="4gb", help="REDIS_MAXMEMORY: two feature sets of 920 bytes a movie must fit")
    parser.add_argument("--without", nargs="*", default=[], choices=("duckdb", "imdb_sqlite"), help="peers to leave out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        figures, broken = measure(Path(folder), arguments)
    keep("scale", figures)
    return conclude(broken)


if __name__ == "__main__":
    sys.exit(main())
