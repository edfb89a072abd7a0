"""Ninety days of the sample's world: the time of a day, the memory, the growth of each store, and the error of the model.

    python -m tests.bench.scenarios.world [--days 90] [--every 10] [--movies 2000] [--scenario drift]

Brings up a platform of its own, moves its world on with `marquee day`, and after each move measures the stores and reads what is
published. `--every 1` runs the pipeline on each day. Every DAG run must succeed, and the same day again must change nothing. At
the end the published ratings of movies that have matured since are compared with the world's. Before all that, the time to serve
a day of 20,000 movies is measured. The figures are also in .marquee/bench/world.json, the plot of the error in world.png.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import requests

from infra.local.stack import Stack
from infra.platform.accounts import BUCKET
from infra.platform.connections import connect_postgres, connect_redis, connect_s3, read_json
from infra.platform.endpoints import Endpoints
from infra.platform.layout import REPOSITORY
from infra.sources.world.timeline import parse_changes
from infra.sources.world.world import World
from tests.bench.plots import draw_lines
from tests.bench.results import conclude, keep, show
from tests.bench.world_figures import SERVED_SECONDS, compute_matured_errors, time_a_day
from tests.e2e.platform import Platform, bring_up

DATABASES = ("movies", "receipts", "feast", "mlflow", "airflow")
MIB = 1 << 20


class MemoryPeak:
    """The largest sum of the memory of the platform's processes, in MiB, every two seconds; shared pages count once (PSS)."""

    def __init__(self, platform: Platform) -> None:
        self._platform, self._ended, self.peak = platform, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "MemoryPeak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(2):
            total = 0
            for process in self._platform.processes():
                try:
                    total += process.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue
            self.peak = max(self.peak, total / MIB)


def measure_stores(endpoints: Endpoints) -> dict[str, float]:
    """Return the size of each store in MiB; objects in S3 by the first part of their key, and their number."""
    sizes: dict[str, float] = {}
    for role in DATABASES:
        with connect_postgres(endpoints, role) as connection:
            row = connection.execute("select pg_database_size(current_database())").fetchone()
            sizes[f"postgres {role}"] = row[0] / MIB if row else 0
    with connect_redis(endpoints, "feast") as redis:
        sizes["redis"] = redis.info("memory")["used_memory"] / MIB
        sizes["redis keys"] = redis.info("keyspace").get("db0", {}).get("keys", 0)
    objects, count = Counter[str](), Counter[str]()
    for page in connect_s3(endpoints).get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", ()):
            prefix = item["Key"].split("/")[0]
            objects[prefix] += item["Size"]
            count[prefix] += 1
    sizes |= {f"s3 {prefix}": size / MIB for prefix, size in objects.items()}
    return sizes | {f"s3 {prefix} objects": number for prefix, number in count.items()}


def read_errors(mlflow_url: str) -> list[dict[str, Any]]:
    """Return day and metrics of every training run, in order of day."""
    experiments = requests.post(f"{mlflow_url}/api/2.0/mlflow/experiments/search", json={"max_results": 100}, timeout=30)
    ids = [experiment["experiment_id"] for experiment in experiments.json()["experiments"]]
    found = requests.post(
        f"{mlflow_url}/api/2.0/mlflow/runs/search", json={"experiment_ids": ids, "max_results": 1000}, timeout=30
    )
    runs = []
    for run in found.json().get("runs", ()):
        values = {item["key"]: item["value"] for item in run["data"].get("params", ())}
        if "day" in values:
            metrics = {item["key"]: item["value"] for item in run["data"].get("metrics", ())}
            tags = {item["key"]: item["value"] for item in run["data"].get("tags", ()) if not item["key"].startswith("mlflow.")}
            runs.append({"day": values["day"], "rows": int(values["dataset_rows"]), **metrics, "gate": tags.get("gate")})
    return sorted(runs, key=lambda run: str(run["day"]))


def read_run_states(platform: Platform) -> Counter[str]:
    """Return the number of DAG runs by state."""
    with connect_postgres(Stack.load(platform.settings).endpoints, "airflow") as connection:
        return Counter(dict(connection.execute("select state, count(*) from dag_run group by state").fetchall()))


def read_world(endpoints: Endpoints) -> dict[str, Any]:
    world: dict[str, Any] = read_json(f"{endpoints.sources.url}/world")
    return world


def read_published(endpoints: Endpoints) -> dict[str, float]:
    """Return the published rating of each movie."""
    with connect_postgres(endpoints, "movies") as connection:
        return dict(connection.execute("select movie_id, rating from prediction").fetchall())


def move(platform: Platform, days: int) -> dict[str, Any]:
    """Move the world on by this many days, run the pipeline on the last one, and return what was told and measured."""
    started = time.monotonic()
    done = platform.command("day", f"+{days}", "--last")
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stdout
    told = next(line for line in reversed(done.stdout.splitlines()) if "new votes" in line)
    show({told.partition(":")[0]: told.partition(": ")[2]})
    endpoints = Stack.load(platform.settings).endpoints
    day = date.fromisoformat(told.partition(":")[0])
    return {
        "day": day,
        "told": told,
        "seconds": seconds,
        "stores": measure_stores(endpoints),
        "published": read_published(endpoints),
    }


def read_tidy_state(platform: Platform) -> Any:
    """Return what the platform stores, once `reconcile`, due every 5 minutes, has removed what no deployment refers to."""
    assert platform.command("run", "reconcile").returncode == 0
    return platform.run_in_tasks("state")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scenarios.world", description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--every", type=int, default=10, help="days between two runs of the pipeline")
    parser.add_argument("--movies", type=int, default=2000)
    parser.add_argument("--scenario", default="none")
    arguments = parser.parse_args()
    served = time_a_day()
    show({"a day of 20,000 movies": served})
    home = Path(tempfile.mkdtemp(prefix="marquee-world-"))
    options = {"sample_films": arguments.movies, "sample_scenario": arguments.scenario}
    with bring_up(home, **options) as platform, MemoryPeak(platform) as memory:
        endpoints = Stack.load(platform.settings).endpoints
        first, began = measure_stores(endpoints), read_world(endpoints)["day"]
        published = {date.fromisoformat(began): read_published(endpoints)}
        moves = [move(platform, arguments.every) for _ in range(arguments.days // arguments.every)]
        state = read_tidy_state(platform)
        again = platform.command("day", "+0")
        is_same = again.returncode == 0 and read_tidy_state(platform) == state
        runs, errors = read_run_states(platform), read_errors(endpoints.mlflow.url)
        told = read_world(endpoints)
    world, day = World(told["seed"], told["movies"], parse_changes(told["scenarios"])), date.fromisoformat(told["day"])
    published |= {date.fromisoformat(one["told"].partition(":")[0]): one.pop("published") for one in moves}
    matured = compute_matured_errors(world, published, day)
    growth = {name: (moves[-1]["stores"][name] - size) / len(moves) for name, size in first.items()}
    figures = {
        "options": vars(arguments),
        "served_day": served,
        "seconds_per_run": [round(one["seconds"], 1) for one in moves],
        "peak_mib": round(memory.peak),
        "growth_per_run": growth,
        "moves": moves,
        "dag_runs": dict(runs),
        "errors": errors,
        "matured_errors": matured,
    }
    keep("world", figures)
    show({f"matured since {one['day']}": {name: one[name] for name in ("settled", "labelled")} for one in matured})
    lines = {f"{part}, newest years": [(run["day"], run[f"{part}_rmse"]) for run in errors] for part in ("test", "baseline")}
    for name in ("settled", "labelled"):
        lines[f"published, {name} since"] = [(one["day"], one[name]["rmse"]) for one in matured if one[name]["movies"]]
    draw_lines(lines, "RMSE, by the world's day", REPOSITORY / ".marquee" / "bench" / "world.png")
    problems = [f"{number} DAG runs are {name}" for name, number in runs.items() if name == "failed"]
    processor = sum(used for _, used in served.values())
    problems += [f"a day takes {processor:.2f} s of the processor"] if processor >= SERVED_SECONDS else []
    problems += [] if is_same else [f"day {day} again changed the state"]
    return conclude(problems)


if __name__ == "__main__":
    sys.exit(main())
