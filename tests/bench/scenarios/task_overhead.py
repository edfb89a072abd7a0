"""Measures the cost of starting a task: five trivial ones in a chain, as processes and as containers, in one run.

    python -m tests.bench.scenarios.task_overhead [--rounds 5]

Each runs `python -m tasks.sweep_leases`, which connects to Postgres and ends; the seconds are Airflow's own, from the
start of the DAG run to its end. The result is also in .marquee/bench/task_overhead.json.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from infra.cli.airflow_client import AirflowClient
from infra.compose.containers import Containers
from infra.compose.env_files import write_env_files
from infra.compose.images import make_images
from infra.compose.readable import make_readable
from infra.compose.startup import start_containers
from infra.local.services.airflow import COMPONENTS
from infra.local.services.postgres_paths import remove_cluster
from infra.local.stack import Stack
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings
from tests.containers.platform import ENDED, share_dags, wait_until

DAG = REPOSITORY / "tests" / "containers" / "dags" / "killed.py"
LINKS = 5


@contextmanager
def as_processes(home: Path) -> Iterator[AirflowClient]:
    """Airflow of the embedded stack, on the platform's DAGs and the trivial one."""
    folder = home / "dags"
    folder.mkdir(parents=True)
    for path in (*(REPOSITORY / "dags").iterdir(), DAG):
        if path.name != "__pycache__":
            (folder / path.name).symlink_to(path)
    stack = Stack.load(Settings.trial(home))
    for name in COMPONENTS:
        service = stack.services[name]
        stack.services[name] = replace(service, environment={**service.environment, "AIRFLOW__CORE__DAGS_FOLDER": str(folder)})
    try:
        stack.start(COMPONENTS)
        yield AirflowClient(stack.endpoints)
    finally:
        stack.stop()
        remove_cluster(stack.settings.layout)


@contextmanager
def as_containers(home: Path) -> Iterator[AirflowClient]:
    """Airflow in containers, likewise."""
    share_dags()
    files = ("docker-compose.yml", "tests/containers/docker-compose.yml")
    os.environ["COMPOSE_FILE"] = ":".join(str(REPOSITORY / file) for file in files)
    os.environ["COMPOSE_PROJECT_NAME"] = f"marquee-bench-{os.getpid()}"
    containers = Containers.load(Settings.trial(home, sample_films=100))
    write_env_files(containers.settings, containers.secrets)
    make_readable(containers.settings)
    make_images(containers.progress)
    try:
        start_containers(containers)
        yield AirflowClient(containers.endpoints)
    finally:
        containers.remove()


def measure(airflow: AirflowClient, rounds: int) -> list[float]:
    """Seconds of each run of the chain; a first one, which warms what can be warmed, is left out."""
    wait_until(lambda: airflow.knows("chained"), 180, "the DAG `chained`")
    seconds = []
    for _ in range(rounds + 1):
        run = airflow.trigger("chained", {})
        wait_until(lambda run=run: airflow.read_state("chained", run) in ENDED, 300, run)  # type: ignore[misc]
        record = airflow.read(f"dags/chained/dagRuns/{run}")
        assert record["state"] == "success", record
        seconds.append(
            (datetime.fromisoformat(record["end_date"]) - datetime.fromisoformat(record["start_date"])).total_seconds()
        )
    return seconds[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    found = {}
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        for name, platform in (("process", as_processes), ("docker", as_containers)):
            with platform(Path(folder) / name) as airflow:
                found[name] = measure(airflow, rounds)
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    result = {"links": LINKS, "seconds": found, "median": medians, "ratio": medians["docker"] / medians["process"]}
    target = REPOSITORY / ".marquee" / "bench" / "task_overhead.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    for name, seconds in found.items():
        each = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"{name:<8} median {medians[name]:5.1f} s for {LINKS} tasks   ({each})")  # noqa: T201  # the result
    print(f"docker / process: {result['ratio']:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
