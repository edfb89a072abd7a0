"""Answers of /predict while services of the platform break, one after another, under a load.

    python -m tests.bench.scenarios.faults [--rate 400] [--hold 10] [--only redis …]

Two workers, every movie in the published ratings. Each fault lasts --hold seconds. Fails when a request is not answered with a
labelled prediction of its movie within five seconds, when a rating is not that of the movie and its label, when the metrics count
otherwise, when p99 during a fault is above 150 ms, or when answers are fresh again only five seconds after the part's return.
The table is also in .marquee/bench/faults.json.

Airflow is not on the answer path: tests/e2e loads /predict while its processes are killed.
"""

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import OutOfMemoryError

from feature_repo.movies import PRE_RELEASE
from tests.bench.corruption import Corruption
from tests.bench.load.slow_proxy import SlowProxy
from tests.bench.published_sample import PublishedSample, publish_sample
from tests.bench.results import conclude, keep, keep_log
from tests.bench.scenarios.fault_scenes import FRESH, PREDICTION_SET, Played, Ratings, Scene, find_slow, nothing, play_all
from tests.bench.service import Service
from tests.bench.services import Parts
from tests.bench.versions import connect, rate, read_champion
from tests.serving.servers import wait_until

POINTER = "marquee:deployment"
CORRUPT_MOVIES = 300
RESETS_PER_SECOND = 5
GROUPS = ("redis", "others", "proxy")


def republish(published: PublishedSample) -> None:
    """Restore pointer and features, as the DAG reconcile does after Redis has lost its data."""
    done = published.run_verb("reconcile_deployment")
    assert done.returncode == 0, done.stdout


def repredict(published: PublishedSample) -> None:
    """Restore the pointer, so that new workers find the predictions."""
    done = published.run_verb("reconcile_deployment")
    assert done.returncode == 0, done.stdout


def redis_scenes(published: PublishedSample, parts: Parts, redis: Redis) -> list[Scene]:
    """Return scenes in which Redis is down, paused, empty, corrupt or full."""

    def gone(name: str, break_it: Callable[[], object], mend_it: Callable[[], object], after: Callable[[], object]) -> Scene:
        return Scene(name, break_it, mend_it, must=(PREDICTION_SET,), may=(FRESH,), after=after)

    def come_back_empty() -> None:
        parts.empty_redis()
        parts.bring_back("redis")
        republish(published)

    def fill() -> None:
        redis.config_set("maxmemory", "1mb")
        try:
            redis.set("bench", "x")
        except OutOfMemoryError:
            return
        raise AssertionError("a full Redis accepted a write")

    pointer: Any = redis.get(POINTER)
    project = json.loads(pointer)["features"]["feature_set"]
    corrupt = Corruption(redis, project, sorted(published.rows)[:CORRUPT_MOVIES], list(PRE_RELEASE))
    return [
        gone("redis killed, its data kept", lambda: parts.kill("redis"), lambda: parts.bring_back("redis"), nothing),
        gone("redis killed, back empty", lambda: parts.kill("redis"), come_back_empty, lambda: repredict(published)),
        gone("redis stopped (SIGSTOP)", lambda: parts.pause("redis"), lambda: parts.go_on("redis"), nothing),
        gone("redis emptied (FLUSHALL)", redis.flushall, lambda: republish(published), lambda: repredict(published)),
        Scene(f"{CORRUPT_MOVIES} rows corrupt", corrupt.write, corrupt.undo, must=(FRESH, PREDICTION_SET)),
        Scene("redis full (maxmemory)", fill, lambda: redis.config_set("maxmemory", "0")),
    ]


def other_scenes(parts: Parts) -> list[Scene]:
    """Return scenes of services that are not on the answer path."""
    return [
        Scene(f"{name} killed", lambda name=name: parts.kill(name), lambda name=name: parts.bring_back(name))  # type: ignore[misc]
        for name in ("postgres", "s3", "mlflow")
    ]


def rollover_scene(parts: Parts, service: Service) -> Scene:
    """Return a scene in which new workers must start from their caches on disk."""
    names = ("mlflow", "s3", "postgres")

    def break_it() -> None:
        for name in names:
            parts.kill(name)
        service.roll_over()

    def mend_it() -> None:
        for name in reversed(names):
            parts.bring_back(name)

    return Scene("those three away, SIGHUP", break_it, mend_it)


def proxy_scenes(proxy: SlowProxy) -> list[Scene]:
    """Return scenes of a slow or broken network between the API and Redis."""
    over = threading.Event()

    def keep_resetting() -> None:
        while not over.wait(1 / RESETS_PER_SECOND):
            proxy.reset()

    resetter = threading.Thread(target=keep_resetting)

    def end_resets() -> None:
        over.set()
        resetter.join()

    def fall_silent(silent: bool) -> None:
        proxy.silent = silent

    def delay(seconds: float) -> None:
        proxy.delay_seconds = seconds

    return [
        Scene("redis 50 ms slower", lambda: delay(0.05), lambda: delay(0), may=(PREDICTION_SET,)),
        Scene("redis 500 ms slower", lambda: delay(0.5), lambda: delay(0), must=(PREDICTION_SET,), may=(FRESH,)),
        Scene("connections reset", resetter.start, end_resets, may=(PREDICTION_SET,)),
        Scene("connections silent", lambda: fall_silent(True), lambda: fall_silent(False), must=(PREDICTION_SET,), may=(FRESH,)),
    ]


def play_group(
    group: str, published: PublishedSample, ratings: Ratings, folder: Path, arguments: argparse.Namespace
) -> list[Played]:
    """Play the scenes of one group on a service of its own."""
    parts = Parts(published.stack)
    with ExitStack() as ends:
        environment = dict(published.serving)
        redis_port = published.stack.settings.redis_port
        if group == "proxy":
            proxy = ends.enter_context(SlowProxy(redis_port))
            environment["REDIS_URL"] = environment["REDIS_URL"].replace(f":{redis_port}/", f":{proxy.port}/")
        redis = ends.enter_context(parts.open_redis()) if group == "redis" else None
        service = Service(published.python["serving"], folder / group, environment)
        ends.callback(keep_log, f"faults-{group}", service.log)
        ends.callback(service.stop)
        service.start()
        service.wait_until_ready()

        def play(scenes: list[Scene]) -> list[Played]:
            return play_all(service, scenes, ratings, folder / group, rate=arguments.rate, hold_seconds=arguments.hold)

        if redis is not None:
            return play(redis_scenes(published, parts, redis))
        if group == "proxy":
            return play(proxy_scenes(proxy))
        played = play(other_scenes(parts))
        wait_until(lambda: service.ask("/readyz")[1]["receipts"] == "kept", what="receipts being kept again")
        last = play_all(
            service, [rollover_scene(parts, service)], ratings, folder / group, rate=arguments.rate, hold_seconds=arguments.hold
        )
        return [*played, *last[:-1]]  # the counters of workers that left are gone


def show(played: list[Played]) -> None:
    """Print the table."""
    print(f"{'':<30}{'failed':>7}{'p99 ms':>8}{'max ms':>8}{'back s':>7}   answers")  # noqa: T201  # the result
    for scene in played:
        figures = scene.figures
        print(  # noqa: T201
            f"{scene.scene.name:<30}{figures['failed']:>7}{figures['p99_ms']:>8}{figures['max_ms']:>8}"
            f"{figures.get('recovery_seconds', ''):>7}   {figures['answers']}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=400, help="requests/s")
    parser.add_argument("--hold", type=float, default=10, help="seconds of each fault")
    parser.add_argument("--only", nargs="*", default=GROUPS, choices=GROUPS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, publish_sample(Path(folder) / "home") as published:
        _, model, _ = read_champion(connect(published.serving["MLFLOW_TRACKING_URI"]))
        ratings = dict.fromkeys((FRESH, PREDICTION_SET), rate(model, published.rows))
        played = [scene for group in arguments.only for scene in play_group(group, published, ratings, Path(folder), arguments)]
    keep("faults", {scene.scene.name: scene.figures for scene in played})
    show(played)
    return conclude([f"{scene.scene.name}: {promise}" for scene in played for promise in (*scene.broken, *find_slow(scene))])


if __name__ == "__main__":
    sys.exit(main())
