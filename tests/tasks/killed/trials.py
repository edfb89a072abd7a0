"""kill -9 at every step of preparing, deploying and rolling back: one whole deployment stays live, none is lost."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from infra.platform.layout import REPOSITORY
from tasks.core.deployment.pointer import read_number
from tasks.io.deployments import flip
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.deployments import assert_one_whole_deployment_is_live, read_record


@dataclass
class Trials:
    """A platform with two deployments, and the runner of its verbs."""

    settings: Settings
    day: date
    runner: subprocess.Popen[str]
    ended: Counter[str] = field(default_factory=Counter)
    """Number of killed runs by verb."""
    seen: set[int] = field(default_factory=set)
    """Deployments that a reader has seen in the pointer."""

    def run(self, verb: str, kill_at: int | None = None, **options: Any) -> dict[str, Any]:
        order = {"verb": verb, "options": {"day": self.day.isoformat(), **options}, "kill_at": kill_at}
        assert self.runner.stdin is not None
        assert self.runner.stdout is not None
        self.runner.stdin.write(json.dumps(order) + "\n")
        self.runner.stdin.flush()
        answer: dict[str, Any] = json.loads(self.runner.stdout.readline())
        return answer

    def finish(self, verb: str, **options: Any) -> None:
        """Run the verb to its end; the runner's log has the traceback of one that fails."""
        ended = self.run(verb, **options)
        assert ended["ended"] == "done", f"{verb} {ended}"

    def kill(self, verb: str, step: int, **options: Any) -> str:
        """Kill a run of the verb at this step, look as a reader does, heal, look again; then run it to its end."""
        before = self.look()
        ended = str(self.run(verb, step, **options)["ended"])
        self.ended[f"{verb}, {ended}"] += 1
        assert ended in ("killed", "done"), f"{verb} {ended} without a kill"
        self.check_readers()
        self.finish("reconcile")
        live = assert_one_whole_deployment_is_live(self.settings)
        self.seen.add(live.deployment)
        assert [each.deployment for each in before] == [each.deployment for each in read_record(self.settings)[: len(before)]]
        lost = self.seen - {each.deployment for each in read_record(self.settings) if each.live_at is not None}
        assert not lost, lost
        return ended

    def look(self) -> list[Any]:
        self.check_readers()
        return read_record(self.settings)

    def check_readers(self) -> None:
        """Check, as the API would at this moment, that all parts of the pointer exist."""
        redis = online_store.open_redis(self.settings.feast_redis.get_secret_value())
        number = read_number(redis.get(flip.POINTER))  # type: ignore[arg-type]  # redis-py types both clients
        assert number is not None
        self.seen.add(number)
        (row,) = [each for each in read_record(self.settings) if each.deployment == number]
        assert online_store.count_rows(redis, row.feature_set) > 0
        with connect(self.settings) as conn:
            ready = conn.execute(
                "select state from prediction_set where prediction_set = %s and feature_set = %s and model_version = %s",
                [row.prediction_set, row.feature_set, row.model_version],
            ).fetchone()
        assert ready == ("ready",)

    def add_version(self) -> None:
        """Register the live model once more, as a version that passed the gate."""
        with registry.connect(self.settings.mlflow_tracking_uri) as client:
            versions = client.search_model_versions(f"name = '{registry.MODEL}'")
            newest = max(versions, key=lambda version: int(version.version))
            model_id = newest.source.removeprefix("models:/")
            client.create_model_version(registry.MODEL, newest.source, newest.run_id, tags=newest.tags, model_id=model_id)

    def change_movies(self) -> None:
        with connect(self.settings) as conn:
            conn.execute("update movie set runtime_minutes = runtime_minutes + 1")

    def try_preparing(self, step: int) -> str:
        """Kill a publish; a set that is half written is never deployed, and the next run finishes it."""
        self.change_movies()
        return self.kill("publish", step)

    def try_predicting(self, step: int) -> str:
        self.add_version()
        return self.kill("predict_all", step, part="model")

    def try_deploying(self, step: int) -> str:
        self.add_version()
        self.finish("predict_all", part="model")
        return self.kill("deploy", step, part="model")

    def try_deploying_features(self, step: int) -> str:
        self.change_movies()
        self.finish("publish")
        self.finish("predict_all", part="features")
        return self.kill("deploy", step, part="features")

    def try_rolling_back(self, step: int) -> str:
        """Go back to the deployment before that has other parts."""
        record = read_record(self.settings)
        live = next(each for each in record if each.is_live)
        target = next(each for each in reversed(record) if each.live_at is not None and each.parts != live.parts)
        return self.kill("rollback", step, number=target.deployment)


@contextmanager
def open_trials(settings: Settings, day: date, environment: dict[str, str], log: Path) -> Iterator[Trials]:
    """Start the runner; the platform has a live deployment already."""
    with log.open("w") as errors:
        runner = subprocess.Popen(
            [sys.executable, "-m", "tests.tasks.killed.runner"],
            env={**os.environ, **environment},
            cwd=REPOSITORY,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            yield Trials(settings, day, runner)
        finally:
            runner.kill()
            runner.wait()
