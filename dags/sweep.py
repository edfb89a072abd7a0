"""### Remove what dead tasks left behind

`sweep_containers` removes task containers whose task Airflow does not run any more: a killed worker leaves its container
working, unwatched. `sweep_leases` deletes the leases of sessions that are gone.

Runs every five minutes, and a pass that fails is not tried again: the next one is soon. There is nothing to fill in, and no
harm in triggering it at any time. Where tasks are not containers, as in the embedded platform, `sweep_containers` is
skipped and only the leases are swept.
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
    dagrun_timeout=timedelta(minutes=5),
    tags=["maintenance"],
    doc_md=__doc__,
) as dag:
    SweepContainers(task_id="sweep_containers", execution_timeout=timedelta(minutes=2))
    run_task("sweep_leases", timeout=timedelta(minutes=2), memory="512m")
