"""Checks for any platform that is up, with any source."""

import gzip
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Any

import redis
import requests

from infra.local.stack import Stack
from tests.bench.load.background import count_failures, put_load
from tests.e2e.platform import Platform

PUBLISHED_WITHIN = 300
"""Seconds from a champion until the API holds the ratings of all movies by it, on a busy machine."""
IDLE_SECONDS = 10
"""Time without a run after which none is expected any more: the scheduler looks at the assets every second."""
LOAD_RATE = 20
"""Requests a second during a rollback."""
PIPELINE = ("refresh_movies", "train_model")
TABLES = {
    "title.basics.tsv.gz": "movie",
    "title.ratings.tsv.gz": "rating",
    "title.crew.tsv.gz": "crew",
    "title.principals.tsv.gz": "credit",
    "name.basics.tsv.gz": "person",
}


def check_every_line_is_accounted_for(platform: Platform, sources: Path) -> None:
    """Rows of a table = lines of its file less those skipped or in quarantine; a TMDB body each is a row or in quarantine."""
    ledger: dict[str, Any] = platform.run_in_tasks("ledger")
    for name, table in TABLES.items():
        with gzip.open(sources / "imdb" / name) as file:
            lines = sum(1 for _ in file) - 1
        counts = ledger["files"][name]
        assert counts["lines"] == lines
        assert counts["loaded"] == ledger["rows"][table] == lines - counts["skipped"] - counts["quarantined"]
        assert counts["quarantined"] == counts["in_quarantine"]
    with gzip.open(sources / "tmdb" / "movies.jsonl.gz") as file:
        known_to_tmdb = {json.loads(body)["imdb_id"] for body in file}
    outcomes = ledger["requests"]
    assert {movie_id for movie_id, outcome in outcomes.items() if outcome != "absent"} == known_to_tmdb & set(ledger["asked"])
    assert ledger["rows"]["tmdb_movie"] == sum(outcome == "found" for outcome in outcomes.values())


def check_answers_equal_scikit_learn(platform: Platform, movies: int) -> None:
    expected: dict[str, float] = platform.run_in_tasks("expected", str(movies))["ratings"]
    answers = {movie_id: platform.ask(movie_id) for movie_id in expected}
    assert {answer.status_code for answer in answers.values()} == {200}
    worst = max(abs(answer.json()["rating"] - expected[movie_id]) for movie_id, answer in answers.items())
    assert worst <= 1e-4


def check_answers_replay_equal(platform: Platform, movies: int) -> None:
    """The newest answers are made again from their receipts and the offline store; refresh_movies audits the same."""
    expected: dict[str, float] = platform.run_in_tasks("expected", str(movies))["ratings"]
    check_replays_equal(platform, {platform.ask(movie_id).json()["prediction_id"] for movie_id in expected})


def check_replays_equal(platform: Platform, prediction_ids: set[str]) -> None:
    time.sleep(2)  # a receipt is kept a moment after its answer
    replayed = platform.command("replay", *prediction_ids)
    assert replayed.returncode == 0, replayed.stdout
    equal = {line.removesuffix(" equal") for line in replayed.stdout.splitlines() if line.endswith(" equal")}
    assert equal == prediction_ids


def wait_for_published_ratings(platform: Platform) -> None:
    """Wait until the API holds what predict_all has published, as part of the deployment."""
    url = f"http://127.0.0.1:{platform.settings.api_port}/readyz"
    deadline = time.monotonic() + PUBLISHED_WITHIN
    while (state := requests.get(url, timeout=10).json())["prediction_set"] is None:
        assert time.monotonic() < deadline, state
        time.sleep(1)


def check_unknown_movies_are_404(platform: Platform, count: int) -> None:
    for number in SystemRandom().sample(range(90_000_000, 99_999_999), count):
        answer = platform.ask(f"tt{number}")
        assert answer.status_code == 404
        assert f"tt{number}" in answer.text


def check_the_dags_again_change_nothing(platform: Platform) -> None:
    """Run both DAGs again for the day of the features, and compare all that is stored.

    refresh_movies triggers train_model for today; so where a midnight comes in between, the check begins anew.
    """
    while True:
        day = find_today()
        wait_until_idle(platform)
        before = platform.run_in_tasks("state")
        if before["day"] != day:  # the platform came up before a midnight
            run_the_dags(platform, day)
            before = platform.run_in_tasks("state")
            assert before["day"] == day
        run_the_dags(platform, day)
        after = platform.run_in_tasks("state")
        if find_today() == day:
            assert after == before
            return


def find_today() -> str:
    return datetime.now(UTC).date().isoformat()


def wait_until_idle(platform: Platform) -> None:
    """Wait until no DAG run is queued or running, and stays so for IDLE_SECONDS.

    A run that an asset triggers begins a moment after the run that updated the asset has ended. Its day is today, whatever the
    day of that run was, so that it may change the state: between 00:00 and 03:00 UTC it did, in the middle of this check.
    """
    deadline = time.monotonic() + PUBLISHED_WITHIN
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < IDLE_SECONDS:
        if running := [dag for dag in PIPELINE if platform.airflow.fetch_run(dag)]:
            idle_since = time.monotonic()
            assert idle_since < deadline, f"{running} did not end within {PUBLISHED_WITHIN} s"
        time.sleep(1)


def run_the_dags(platform: Platform, day: str) -> None:
    """Run refresh_movies for the day, and wait for the train_model that it triggers."""
    since = datetime.now(UTC)
    run = platform.command("run", "refresh_movies", "--conf", f"day={day}")
    assert run.returncode == 0, run.stdout
    wait_until_idle(platform)
    trained = platform.airflow.fetch_run("train_model", since)
    assert trained is not None
    assert platform.airflow.read_state("train_model", trained) == "success"


def check_nothing_is_red(platform: Platform) -> None:
    """No DAG run and no task of one has failed, and the pipeline's runs are among those that Airflow lists."""
    runs, tasks = "dags/~/dagRuns", "dags/~/dagRuns/~/taskInstances"
    failed = platform.airflow.read(runs, state="failed", limit=100)["dag_runs"]
    red = platform.airflow.read(tasks, state=["failed", "upstream_failed"], limit=100)["task_instances"]
    ends = [task for task in red if task["state"] == "failed"]
    logs = [platform.airflow.read_log(task["dag_id"], task["dag_run_id"], task, 20) for task in ends]
    assert (failed, red) == ([], []), "\n".join(
        [
            *(f"run {run['dag_run_id']} of {run['dag_id']} failed" for run in failed),
            *(f"task {task['task_id']} of {task['dag_id']} is {task['state']}" for task in red),
            *(line for log in logs for line in log),
        ]
    )
    green = platform.airflow.read(runs, state="success", limit=100)["dag_runs"]
    assert {run["dag_id"] for run in green} >= set(PIPELINE)


def check_a_rollback(platform: Platform, movies: int, folder: Path) -> None:
    """Features that changed are deployed; a rollback to the deployment before gives its very ratings again.

    It does so under a load, of which no request fails. The answers of before it, of the changed features and of after it all
    replay equal. folder: for the records of the load.
    """
    ids = list(platform.run_in_tasks("expected", str(movies))["ratings"])
    before = read_answers(platform, ids)
    (first,) = {answer["deployment"] for answer in before.values()}
    platform.run_in_tasks("change_movies")
    changed = platform.command("run", "refresh_movies")
    assert changed.returncode == 0, changed.stdout
    wait_until_idle(platform)
    after = read_answers(platform, ids)
    assert all(answer["deployment"] > first for answer in after.values())
    assert any(after[movie_id]["rating"] != before[movie_id]["rating"] for movie_id in ids)

    with put_load(platform.settings.api_port, ids, folder, rate=LOAD_RATE, connections=4) as load:
        rolled_back = platform.command("rollback", str(first), "--reason", "ratings of documentaries are off")
        assert rolled_back.returncode == 0, rolled_back.stdout
        (newest,) = {answer["deployment"] for answer in after.values()}
        deadline = time.monotonic() + PUBLISHED_WITHIN
        while (answer := platform.ask(ids[0]).json())["deployment"] <= newest:
            assert time.monotonic() < deadline, answer
            time.sleep(0.2)
        again = read_answers(platform, ids)
        load.stop()
    assert count_failures(load.records) == {}
    assert {movie_id: answer["rating"] for movie_id, answer in again.items()} == {
        movie_id: answer["rating"] for movie_id, answer in before.items()
    }
    assert {answer["features_as_of"] for answer in again.values()} == {answer["features_as_of"] for answer in before.values()}
    (live,) = {answer["deployment"] for answer in again.values()}
    listed = platform.command("deployments").stdout
    assert re.search(rf"{live} +│ live +│.*│ rollback ", listed), listed
    check_replays_equal(platform, {answer["prediction_id"] for part in (before, after, again) for answer in part.values()})


def read_answers(platform: Platform, movie_ids: list[str]) -> dict[str, Any]:
    answers = {movie_id: platform.ask(movie_id) for movie_id in movie_ids}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {movie_id: answer.json() for movie_id, answer in answers.items()}


def check_lost_redis_is_restored(platform: Platform, movies: int) -> None:
    """After Redis has lost all its data, `up` makes the same deployment live again and makes no other."""
    ids = list(platform.run_in_tasks("expected", str(movies))["ratings"])
    before, state = read_answers(platform, ids), platform.run_in_tasks("state")
    endpoints = Stack.load(platform.settings).endpoints
    client = redis.Redis.from_url(endpoints.redis_url("feast"))
    client.unlink(*client.scan_iter(count=10_000))
    up = platform.command("up")
    assert up.returncode == 0, up.stdout
    assert platform.run_in_tasks("state")["tables"]["deployment"] == state["tables"]["deployment"]
    again = read_answers(platform, ids)
    names = ("rating", "deployment", "features_as_of")
    assert {movie_id: [answer[name] for name in names] for movie_id, answer in again.items()} == {
        movie_id: [answer[name] for name in names] for movie_id, answer in before.items()
    }
