"""The pipeline's latest runs: follows unfinished ones to their end, and tells whether a day's pipeline has run whole."""

from datetime import date

from infra.cli.airflow_client import FINAL_STATES, AirflowClient, read_queued_at
from infra.cli.dag_runs import follow_run
from infra.cli.first_run import REFRESH, TRAIN, follow_training
from infra.platform.connections import connect_postgres
from infra.platform.endpoints import Endpoints
from infra.platform.protocol import Platform

PUBLISHED = "select exists (select from feature_set where day >= %s and state <> 'writing')"


def finish_runs(platform: Platform, client: AirflowClient) -> None:
    """Follow unfinished runs, and the training that they trigger. Raise StackError if one fails.

    A run takes the day of its files from the world, which must therefore not move on before the run has ended.
    """
    for run in reversed(client.read_runs(REFRESH)):
        if run["state"] not in FINAL_STATES:
            follow_run(client, REFRESH, str(run["dag_run_id"]), platform.progress)
            follow_training(platform, client, read_queued_at(run))
    for run in reversed(client.read_runs(TRAIN)):
        if run["state"] not in FINAL_STATES:
            follow_run(client, TRAIN, str(run["dag_run_id"]), platform.progress)


def has_run_whole(endpoints: Endpoints, client: AirflowClient, day: date) -> bool:
    """Return True if features of the day are published, and the last refresh and the training after it succeeded."""
    with connect_postgres(endpoints, "movies") as connection:
        row = connection.execute(PUBLISHED, [day]).fetchone()
    if not row or not row[0]:
        return False
    refreshed, trained = client.read_runs(REFRESH)[:1], client.read_runs(TRAIN)[:1]
    return [run["state"] for run in (*refreshed, *trained)] == ["success", "success"] and read_queued_at(
        trained[0]
    ) >= read_queued_at(refreshed[0])
