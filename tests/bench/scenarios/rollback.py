"""A rollback of a whole deployment under load, and the upgrade of an older release's live state, on the published sample.

Parts of `make bench-deployments`, whose figures they join.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from tasks.io.deployments.adopt import FEATURES_KEY, PREDICTIONS_KEY
from tasks.io.deployments.flip import POINTER
from tests.bench.load.background import put_load, summarize
from tests.bench.published_sample import PublishedSample
from tests.bench.results import keep_log
from tests.bench.service import CONNECTIONS_TO_REACH_ALL, Service
from tests.bench.versions import connect, read_champion, register, shift
from tests.serving.servers import wait_until

MOVIES, RATE = 1000, 100
WORSE_BY = 1.5
"""Rating points by which the worse model is off."""
OF_THE_REQUEST = ("request_id", "prediction_id", "deployment", "feature_age_seconds")
"""Fields of an answer that differ from request to request."""


def measure_rollback(published: PublishedSample, folder: Path) -> dict[str, Any]:
    """Deploy a worse model under load and roll it back; return seconds, failed requests and equal answers."""
    client = connect(published.serving["MLFLOW_TRACKING_URI"])
    _, model, release = read_champion(client)
    movie_ids = sorted(published.rows)[:MOVIES]
    service = Service(published.python["serving"], folder / "api", published.serving)
    with ExitStack() as ends:
        ends.callback(lambda: keep_log("rollback", service.log))
        ends.callback(service.stop)
        service.start()
        service.wait_until_ready()
        before = ask_all(service, movie_ids)
        with put_load(service.port, movie_ids, folder / "load", rate=RATE) as load:
            register(client, shift(model, WORSE_BY), release)
            run(published, "predict_all", "--part=model")
            run(published, "deploy", "--part=model")
            wait_until_live(service, read_pointer(published)["deployment"])
            worse = ask_all(service, movie_ids)
            seconds = roll_back(published, service)
            after = ask_all(service, movie_ids)
            load.stop()
    summary = summarize(load.records)
    return {
        **seconds,
        "rollback_requests": summary["requests"],
        "rollback_failed_requests": summary["failed"],
        "rollback_worse_answers": sum(worse[movie_id] != before[movie_id] for movie_id in movie_ids),
        "rollback_equal_answers": sum(after[movie_id] == before[movie_id] for movie_id in movie_ids),
    }


def roll_back(published: PublishedSample, service: Service) -> dict[str, float]:
    """Run `rollback`; return the seconds until every worker answers from its deployment, and until the command ends."""
    number, began = read_pointer(published)["deployment"] + 1, time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        command = pool.submit(run, published, "rollback", "--reason=worse ratings")
        wait_until_live(service, number)
        answered = time.monotonic()
        command.result()
        ended = time.monotonic()
    return {"rollback_seconds": round(answered - began, 2), "rollback_command_seconds": round(ended - began, 2)}


def measure_adoption(published: PublishedSample) -> dict[str, Any]:
    """Put the live state back to what the releases before table deployment left, and upgrade it; return the seconds."""
    with open_redis(published) as redis, psycopg.connect(published.tasks["MOVIES_DATABASE_URL"]) as conn:
        features, predictions = (read_pointer(published)[name] for name in ("features", "predictions"))
        names = ("feature_set", "snapshot_id", "content_hash", "movies", "day", "published_at")
        redis.set(FEATURES_KEY, json.dumps({name: features[name] for name in names} | {"schema_hash": ""}))
        redis.set(PREDICTIONS_KEY, json.dumps({"prediction_set": predictions["prediction_set"]}))
        redis.delete(POINTER)
        conn.execute("delete from deployment")
        conn.execute("update feature_set set day = null, schema_hash = null, online_keys = null")
    began = time.monotonic()
    run(published, "reconcile_deployment")
    seconds = round(time.monotonic() - began, 2)
    adopted = read_pointer(published)
    with psycopg.connect(published.tasks["MOVIES_DATABASE_URL"]) as conn:
        record = conn.execute("select deployment, kind, feature_set, prediction_set from deployment").fetchall()
    live = (adopted["deployment"], "adopted", features["feature_set"], predictions["prediction_set"])
    return {"adoption_seconds": seconds, "adoption_movies": adopted["features"]["movies"], "adoption_whole": record == [live]}


def find_broken(figures: dict[str, Any]) -> list[str]:
    """Return the broken promises among the figures of this file."""
    promises = {
        "requests failed during the rollback": figures["rollback_failed_requests"] == 0,
        "the worse model did not answer otherwise": figures["rollback_worse_answers"] > 0,
        "answers after the rollback are not those of before": figures["rollback_equal_answers"] == MOVIES,
        "the older release's live state is not adopted as it was": figures["adoption_whole"],
    }
    return [promise for promise, is_kept in promises.items() if not is_kept]


def ask_all(service: Service, movie_ids: list[str]) -> dict[str, str]:
    """Return the answer for each movie as JSON, without the fields that differ from request to request."""
    answers: dict[str, str] = {}
    for movie_id in movie_ids:
        status, body = service.ask(f"/predict?movie_id={movie_id}")
        answers[movie_id] = json.dumps({"status": status} | {name: body[name] for name in body if name not in OF_THE_REQUEST})
    return answers


def wait_until_live(service: Service, number: int) -> None:
    """Wait until every worker answers from this deployment."""

    def is_live() -> bool:
        return all(service.ask("/readyz")[1]["deployment"] == number for _ in range(CONNECTIONS_TO_REACH_ALL))

    wait_until(is_live, what=f"deployment {number} being live in all workers (see {service.log})")


def run(published: PublishedSample, verb: str, *words: str) -> None:
    done = published.run_verb(verb, *words)
    assert done.returncode == 0, f"{verb} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"


def open_redis(published: PublishedSample) -> Redis:
    settings, password = published.stack.settings, published.stack.secrets.read("redis_feast")
    return Redis(port=settings.redis_port, username="feast", password=password)


def read_pointer(published: PublishedSample) -> dict[str, Any]:
    with open_redis(published) as redis:
        found: Any = redis.get(POINTER)
    pointer: dict[str, Any] = json.loads(found)
    return pointer
