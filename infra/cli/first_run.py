"""The pipeline's first run, which makes the first live deployment. Parts that exist already are not made again."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import requests

from infra.cli.airflow_client import AirflowClient
from infra.cli.dag_runs import follow_run
from infra.platform.connections import check_url, read_pointer, was_live
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.progress import step
from infra.platform.protocol import Platform

REFRESH, TRAIN, RECONCILE = "refresh_movies", "train_model", "reconcile"
PARSE_SECONDS = 180
"""Deadline for Airflow to parse the DAG files on a busy machine."""
TRIGGER_SECONDS = 60
"""Deadline for Airflow to queue the run that an asset triggers."""
READY_SECONDS = 120
"""Deadline for the API to load the champion and find its features."""


def run_pipeline(platform: Platform) -> bool:
    """Make the first deployment through Airflow. Return False if a deployment is live already.

    A deployment that Postgres records and Redis has lost is made live again; it is not made anew.
    """
    if read_pointer(platform.endpoints):
        return False
    client = AirflowClient(platform.endpoints)
    with step(platform.progress, "dags", "waiting until Airflow has read them", "known to Airflow"):
        names = (REFRESH, TRAIN, RECONCILE)
        complaint = f"Airflow does not know {', '.join(names)}"
        wait_for(lambda: all(map(client.knows, names)), PARSE_SECONDS, complaint, client.read_import_errors)
    if was_live(platform.endpoints):
        run_dag(platform, client, RECONCILE, {})
        if read_pointer(platform.endpoints):
            return False
    since = datetime.now(UTC) - timedelta(seconds=1)
    run_dag(platform, client, REFRESH, {})
    follow_training(platform, client, since)
    if not read_pointer(platform.endpoints):
        raise StackError(f"{TRAIN} ended and nothing is live: the log of its task deploy in Airflow gives the reason.")
    return True


def run_dag(platform: Platform, client: AirflowClient, dag: str, conf: Mapping[str, str | bool]) -> None:
    """Start a run and follow it to its end. Without parameters, follow an unfinished run instead if there is one.

    Wait for a DAG of the repository that Airflow has not read yet, as right after `docker compose up`.
    """
    if (REPOSITORY / "dags" / f"{dag}.py").exists():
        wait_for(lambda: client.knows(dag) or bool(client.read_import_errors()), PARSE_SECONDS, f"Airflow does not know {dag}")
    under_way = client.fetch_run(dag) if not conf and client.knows(dag) else None
    follow_run(client, dag, under_way or client.trigger(dag, conf), platform.progress)


def follow_training(platform: Platform, client: AirflowClient, since: datetime) -> None:
    """Follow the run of train_model that a successful refresh_movies triggers; it was queued at `since` or later."""
    complaint = f"{REFRESH} ended, but did not trigger {TRAIN}: `make run DAG={TRAIN}`."
    wait_for(lambda: client.fetch_run(TRAIN, since) is not None, TRIGGER_SECONDS, complaint)
    follow_run(client, TRAIN, str(client.fetch_run(TRAIN, since)), platform.progress)


def wait_for(condition: Callable[[], bool], seconds: float, complaint: str, reasons: Callable[[], list[str]] = list) -> None:
    """Wait until the condition is true. Raise StackError with the complaint and the reasons when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StackError("\n".join([complaint, *reasons()]))
        time.sleep(1)


def wait_until_ready(platform: Platform) -> None:
    """Wait until the API has loaded the model and found its feature set."""

    def is_ready() -> bool:
        try:
            check_url(f"{platform.endpoints.api.url}/readyz")
        except requests.RequestException:
            return False
        return True

    with step(platform.progress, "api", "loading the deployment", "ready to predict"):
        wait_for(is_ready, READY_SECONDS, "The API did not become ready", lambda: [platform.last_lines("api")])
