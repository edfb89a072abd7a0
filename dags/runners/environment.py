"""The variables that select and configure a runner, and those that a worker passes to a task's container."""

import os
from typing import Any

from dags.attempt import Attempt

RUNNERS = ("process", "docker", "kubernetes")

TASK_VARIABLE_PREFIXES = (
    *("MOVIES_DATABASE_URL", "RECEIPTS_DATABASE_URL", "FEAST_REGISTRY_URL", "FEAST_REDIS", "FEAST_USAGE"),
    *("AWS_", "S3_BUCKET", "PYICEBERG_CATALOG__", "RECEIPTS_KEEP_DAYS", "SKEW_"),
    *("KEEP_DEPLOYMENTS", "KEEP_RAW_DAYS", "KEEP_TRAINING_RUNS", "KEEP_SNAPSHOT_DAYS"),
    *("MLFLOW_", "WORLD_URL", "IMDB_", "TMDB_", "OMP_", "SSL_CERT_", "REQUESTS_CA_"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""Prefixes of the variables that a worker passes to a task's container; tasks/settings.py and the tasks' libraries read them."""


def read_runner() -> str:
    """Return the name of the runner: process, docker or kubernetes. Raise ValueError for any other TASK_RUNNER."""
    runner = os.environ.get("TASK_RUNNER", "process")
    if runner not in RUNNERS:
        raise ValueError(f"TASK_RUNNER is {runner!r}; use one of {', '.join(RUNNERS)}")
    return runner


def read_queue() -> dict[str, Any]:
    """Return the tasks' Celery queue as an option of BaseOperator; empty without TASK_QUEUE, so that Airflow uses its default."""
    return {"queue": os.environ["TASK_QUEUE"]} if os.environ.get("TASK_QUEUE") else {}


def read_setting(name: str) -> str:
    """Return the value of a variable that this runner needs. Raise ValueError if it is missing."""
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"{name} is not set, and TASK_RUNNER={read_runner()} needs it; see .env.example")
    return value


def make_task_environment(attempt: Attempt) -> dict[str, str]:
    """Return the variables of a task's container: those that tasks read, including secrets, and the attempt's name."""
    handed_on = {name: value for name, value in os.environ.items() if name.startswith(TASK_VARIABLE_PREFIXES)}
    return {**handed_on, "TASK_ATTEMPT": str(attempt)}
