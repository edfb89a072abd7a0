"""### Remove what killed tasks left behind

`sweep_containers` removes the containers of tasks that Airflow no longer runs, because a container outlives a killed worker.
`sweep_leases` deletes the leases whose Postgres session has ended.

Runs every five minutes. A failed run is not retried, because the next one follows soon. It takes no parameters and may be
triggered at any time. If tasks do not run in containers, as in the embedded platform, `sweep_containers` is skipped.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from dags.run_task import run_task
from dags.runners.sweeper import SweepContainers

with DAG(
    "sweep",
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    tags=["maintenance"],
    doc_md=__doc__,
) as dag:
    SweepContainers(task_id="sweep_containers", execution_timeout=timedelta(minutes=2))
    run_task("sweep_leases", timeout=timedelta(minutes=2), memory="512m")
