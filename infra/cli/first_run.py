"""The pipeline's first run: from nothing to a published feature set and a champion; parts that exist are not made again."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from infra.cli.airflow_client import AirflowClient
from infra.cli.dag_runs import follow_run
from infra.platform.connections import check_url, local_session, read_pointer
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError
from infra.platform.progress import step
from infra.platform.protocol import Platform

REFRESH, TRAIN = "refresh_movies", "train_model"
MODEL, ALIAS = "movie-rating", "champion"
PARSE_SECONDS = 180
"""Deadline for Airflow to know a DAG file, on a busy machine."""
READY_SECONDS = 120
"""Deadline for the API to load the champion and the features."""


def fetch_champion(endpoints: Endpoints) -> dict[str, Any] | None:
    """Return the model version that the alias `champion` names; None before the first."""
    url = f"{endpoints.mlflow.url}/api/2.0/mlflow/registered-models/alias"
    with local_session() as session:
        answer = session.get(url, params={"name": MODEL, "alias": ALIAS}, timeout=10)
    if answer.status_code in {requests.codes.not_found, requests.codes.bad_request}:
        return None
    answer.raise_for_status()
    version: dict[str, Any] = answer.json()["model_version"]
    return version


def run_pipeline(platform: Platform) -> bool:
    """Make the missing parts through Airflow; return False when a feature set and a champion exist already."""
    published = read_pointer(platform.endpoints)
    if published and fetch_champion(platform.endpoints):
        return False
    client = AirflowClient(platform.endpoints)
    with step(platform.progress, "dags", "waiting until Airflow has read them", "known to Airflow"):
        complaint = f"Airflow does not know {REFRESH} and {TRAIN}"
        wait_for(lambda: client.knows(REFRESH) and client.knows(TRAIN), PARSE_SECONDS, complaint, client.read_import_errors)
    since = datetime.now(UTC) - timedelta(seconds=1)
    if not published:
        run_dag(platform, client, REFRESH, {})
    if not published and not fetch_champion(platform.endpoints):
        wait_for(
            lambda: client.find_run(TRAIN, since) is not None,
            60,
            f"{REFRESH} ended, but did not wake {TRAIN}: `make run DAG={TRAIN}`.",
        )
        run = client.find_run(TRAIN, since)
        follow_run(client, TRAIN, str(run), platform.progress)
    elif not fetch_champion(platform.endpoints):
        run_dag(platform, client, TRAIN, {})
    if not fetch_champion(platform.endpoints):
        raise StackError(
            f"{TRAIN} ended without a champion: the model did not beat the baseline; its run in MLflow tells by how much."
        )
    return True


def run_dag(platform: Platform, client: AirflowClient, dag: str, conf: Mapping[str, str | bool]) -> None:
    """Start a run, or join the one under way if no parameters are given, and follow it to its end."""
    under_way = client.find_run(dag) if not conf and client.knows(dag) else None
    follow_run(client, dag, under_way or client.trigger(dag, conf), platform.progress)


def wait_for(condition: Callable[[], bool], seconds: float, complaint: str, reasons: Callable[[], list[str]] = list) -> None:
    """Wait until the condition holds; raise the complaint, with reasons, when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StackError("\n".join([complaint, *reasons()]))
        time.sleep(1)


def wait_until_ready(platform: Platform) -> None:
    """Wait until the API has both the model and the feature set."""

    def is_ready() -> bool:
        try:
            check_url(f"{platform.endpoints.api.url}/readyz")
        except requests.RequestException:
            return False
        return True

    with step(platform.progress, "api", "loading the champion", "ready to predict"):
        wait_for(is_ready, READY_SECONDS, "The API did not become ready", lambda: [platform.last_lines("api")])
