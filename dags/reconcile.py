"""### Keep what is live in step with the record of deployments

`reconcile_deployment` completes an interrupted deployment, restores a pointer or feature rows that Redis has lost, and sets
MLflow's alias `champion` to the live version. If you move the alias by hand, it makes a deployment of that version, or puts the
alias back and logs the reason. `remove_unused_parts` removes feature sets and predictions that no deployment needs any more.

Runs every five minutes, between the runs of **sweep**. A failed run is not retried, because the next one follows soon. It takes
no parameters and may be triggered at any time. A run is short unless Redis has lost a feature set, which is then written again.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from dags.run_task import run_task

with DAG(
    "reconcile",
    schedule=CronTriggerTimetable("2-59/5 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["maintenance"],
    doc_md=__doc__,
) as dag:
    reconcile = run_task("reconcile_deployment", timeout=timedelta(hours=2))  # as publish_features, which it may have to repeat
    reconcile >> run_task("remove_unused_parts", timeout=timedelta(minutes=15), trigger_rule="all_done")
