"""A rollback on a whole platform as a person does it, under load: `make bench-rollback`, with ARGS=--docker in containers.

A worse model goes live; `marquee rollback` must bring back the answers of before for 1,000 movies, and no request may fail. Then
the worse model is deleted from MLflow, and a rollback to its deployment must be refused. The figures are also in
.marquee/bench/rollback.json or rollback-docker.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from infra.local.stack import Stack
from infra.platform.connections import read_pointer
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings
from tests.bench.load.background import put_load, summarize
from tests.bench.results import conclude, keep, show
from tests.bench.scenarios.rollback import MOVIES, OF_THE_REQUEST, RATE, WORSE_BY
from tests.bench.service import CONNECTIONS_TO_REACH_ALL
from tests.bench.versions import MODEL, connect, read_champion, register, shift
from tests.containers.platform import ContainerPlatform
from tests.e2e.platform import SAMPLE_FILMS, Platform
from tests.serving.servers import wait_until


def read_live(platform: Platform) -> dict[str, Any]:
    pointer = read_pointer(Stack.load(platform.settings).endpoints)
    assert pointer is not None
    return pointer


def read_answers(platform: Platform, movie_ids: list[str]) -> dict[str, str]:
    """Return the answer for each movie as JSON, without the fields that differ from request to request."""
    answers = {}
    for movie_id in movie_ids:
        answer = platform.ask(movie_id)
        kept = {name: value for name, value in answer.json().items() if name not in OF_THE_REQUEST}
        answers[movie_id] = json.dumps({"status": answer.status_code} | kept)
    return answers


def wait_until_live(platform: Platform, number: int) -> None:
    """Wait until every worker of the API answers from this deployment."""
    url = f"http://127.0.0.1:{platform.settings.api_port}/readyz"

    def is_live() -> bool:
        return all(requests.get(url, timeout=10).json()["deployment"] == number for _ in range(CONNECTIONS_TO_REACH_ALL))

    wait_until(is_live, what=f"deployment {number} being live in all workers")


def deploy_worse_model(platform: Platform) -> int:
    """Return the number of its deployment, once it is live."""
    client = connect(Stack.load(platform.settings).endpoints.mlflow.url)
    _, model, release = read_champion(client)
    register(client, shift(model, WORSE_BY), release)
    for verb in ("predict_all", "deploy"):
        run_task(platform, verb)
    number = int(read_live(platform)["deployment"])
    wait_until_live(platform, number)
    return number


def run_task(platform: Platform, verb: str) -> None:
    """Run a task as a process on this machine, in both forms of the platform."""
    stack = Stack.load(platform.settings)
    command = [str(stack.settings.layout.python("tasks")), "-m", f"tasks.{verb}", "--part=model"]
    done = subprocess.run(command, cwd=REPOSITORY, env=stack.environment("tasks"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def roll_back(platform: Platform) -> dict[str, float]:
    """Return the seconds until every worker answers from the deployment of before, and until the command ends."""
    number, began = read_live(platform)["deployment"] + 1, time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        command = pool.submit(platform.command, "rollback", "--reason", "worse ratings")
        wait_until_live(platform, number)
        answered = time.monotonic()
        done = command.result()
    assert done.returncode == 0, done.stdout
    return {"rollback_seconds": round(answered - began, 2), "command_seconds": round(time.monotonic() - began, 2)}


def lose_version(platform: Platform, deployment: int) -> str:
    """Delete the newest version from the registry; return what a rollback to its deployment says, or '' if it is done."""
    client = connect(Stack.load(platform.settings).endpoints.mlflow.url)
    newest = max(client.search_model_versions(f"name = '{MODEL}'"), key=lambda version: int(version.version))
    client.delete_model_version(MODEL, newest.version)
    refused = platform.command("rollback", str(deployment), "--reason", "its model is gone")
    return "" if refused.returncode == 0 else next(line for line in refused.stdout.splitlines() if "ERROR" in line)


def measure(platform: Platform, folder: Path) -> dict[str, Any]:
    movie_ids = list(platform.run_in_tasks("expected", str(MOVIES))["ratings"])
    before = read_answers(platform, movie_ids)
    with put_load(platform.settings.api_port, movie_ids, folder, rate=RATE) as load:
        deployment = deploy_worse_model(platform)
        worse = read_answers(platform, movie_ids)
        seconds = roll_back(platform)
        after = read_answers(platform, movie_ids)
        load.stop()
    summary = summarize(load.records)
    return {
        "movies": len(movie_ids),
        **seconds,
        "requests": summary["requests"],
        "failed_requests": summary["failed"],
        "worse_answers": sum(worse[movie_id] != before[movie_id] for movie_id in movie_ids),
        "equal_answers": sum(after[movie_id] == before[movie_id] for movie_id in movie_ids),
        "refusal": lose_version(platform, deployment),
    }


def find_broken(figures: dict[str, Any]) -> list[str]:
    promises = {
        "requests failed": figures["failed_requests"] == 0,
        "the worse model did not answer otherwise": figures["worse_answers"] > 0,
        "answers after the rollback are not those of before": figures["equal_answers"] == figures["movies"],
        "a rollback to a model that is gone was not refused": figures["refusal"],
    }
    return [promise for promise, is_kept in promises.items() if not is_kept]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docker", action="store_true")
    in_docker = parser.parse_args().docker
    os.environ |= {"COMPOSE_PROJECT_NAME": f"marquee-bench-{os.getpid()}", "MARQUEE_VERSION": "bench"}
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as name:
        settings = Settings.trial(Path(name) / "home", sample_films=SAMPLE_FILMS)
        platform = ContainerPlatform(settings) if in_docker else Platform(settings)
        try:
            up = platform.command("up", *(["--docker"] if in_docker else []))
            assert up.returncode == 0, up.stdout
            figures = measure(platform, Path(name) / "load")
        finally:
            reset = platform.command("reset", "--yes")
    keep("rollback-docker" if in_docker else "rollback", figures)
    show(figures)
    return conclude([*find_broken(figures), *([reset.stdout] if reset.returncode else [])])


if __name__ == "__main__":
    sys.exit(main())
