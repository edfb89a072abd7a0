"""A platform of 3,000 synthetic movies for the bench: the servers of a throw-away stack, a published feature set, a champion."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from mlflow import MlflowClient
from redis import Redis

from feature_repo.movies import PRE_RELEASE
from infra.local.services.postgres_paths import remove_cluster
from infra.local.stack import Stack
from infra.local.task_commands import feast_variables
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings
from serving.features.online_row import build_key_prefix, decode_doubles, hash_field

MOVIES = 3_000
VERBS = (
    *(("ingest_imdb",), ("ingest_tmdb",), ("build_features",), ("publish_features",), ("train_model",)),
    *(("predict_all", "--part=model"), ("deploy", "--part=model")),
)
LOADS_SKOPS = {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}
"""Without it MLflow loads no scikit-learn model, not even one without pickles; this one was trained a minute ago."""


@dataclass(frozen=True)
class PublishedSample:
    """Published features and models on servers that every compared program reads."""

    python: dict[str, str]
    """Interpreter of each environment."""
    serving: dict[str, str]
    """Variables of Marquee's service."""
    peers: dict[str, str]
    """Variables of a program that reads the live features through Feast, and as MODEL_URI the champion's scikit-learn form."""
    rows: dict[str, dict[str, float | None]]
    """Features by movie id; unknown is None."""
    stack: Stack
    """The servers, for benches that stop some of them."""
    tasks: dict[str, str]
    """Variables of the tasks' verbs."""

    def run_verb(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m tasks.<verb>`; the caller checks its exit code."""
        command = [str(self.stack.settings.layout.python("tasks")), "-m", f"tasks.{verb}", *words]
        return subprocess.run(command, env=self.tasks, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@contextmanager
def publish_sample(home: Path, movies: int = MOVIES) -> Iterator[PublishedSample]:
    """Start the servers, run the tasks' verbs as the DAGs do, stop everything at the end."""
    stack = Stack.load(Settings.trial(home, sample_films=movies))
    layout = stack.settings.layout
    try:
        stack.start({"postgres", "redis", "s3", "mlflow", "sources"})
        tasks, serving = stack.environment("tasks"), stack.environment("serving")
        for verb, *words in VERBS:
            subprocess.run([str(layout.python("tasks")), "-m", f"tasks.{verb}", *words], env=tasks, cwd=REPOSITORY, check=True)
        feast = feast_variables(stack.settings, stack.endpoints)
        yield PublishedSample(
            python={name: str(layout.python(name)) for name in ("dev", "serving")},
            serving=serving,
            peers=tasks | feast | LOADS_SKOPS | {"MODEL_URI": find_scikit_learn_model(tasks["MLFLOW_TRACKING_URI"])},
            rows=read_rows(serving["REDIS_URL"], feast["FEAST_PROJECT"]),
            stack=stack,
            tasks=tasks,
        )
    finally:
        stack.stop()
        remove_cluster(layout)


def find_scikit_learn_model(tracking_uri: str) -> str:
    """Return the form of the champion that `mlflow models serve` can load; the registered one is ONNX."""
    client = MlflowClient(tracking_uri)
    run = client.get_run(client.get_model_version_by_alias("movie-rating", "champion").run_id)
    models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    return next(f"models:/{model.model_id}" for model in models if model.name == "scikit-learn")


def read_rows(redis_url: str, project: str) -> dict[str, dict[str, float | None]]:
    """Read every published movie's features from Redis."""
    prefix, fields = build_key_prefix("movie_id"), [hash_field("movies", name) for name in PRE_RELEASE]
    rows = {}
    with Redis.from_url(redis_url) as client:
        for key in client.scan_iter(match=prefix + b"*" + project.encode(), count=5_000):
            movie = key[len(prefix) + 8 :].removesuffix(project.encode()).decode()  # 8 bytes of type and length
            numbers = decode_doubles(client.hmget(key, fields), tuple(PRE_RELEASE)).tolist()
            rows[movie] = {name: None if isnan(number) else number for name, number in zip(PRE_RELEASE, numbers, strict=True)}
    return rows
