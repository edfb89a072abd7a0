"""### Remove the history that nobody needs any more

`remove_training_runs` removes old training runs and model versions from MLflow that no kept deployment and no receipt needs.

`expire_snapshots` removes old snapshots of the offline store, and files that no snapshot refers to. No row is lost.

`clean_airflow` deletes runs, rows and task logs of Airflow itself that are older than `KEEP_AIRFLOW_DAYS`; of each DAG the last
scheduled run stays.

Runs every night at 01:00 UTC, before **refresh_movies**. It takes no parameters and may be triggered at any time. If a task finds
another one at work on the same things, it leaves them to the next run. Each task logs what it removed.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dags.run_task import run_task
from dags.runners.airflow_history import CleanAirflow
from dags.schedule import BEFORE_NIGHTLY, RETRIES

with DAG(
    "clean_history",
    schedule=BEFORE_NIGHTLY,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args=RETRIES,
    tags=["maintenance"],
    doc_md=__doc__,
) as dag:
    CleanAirflow(task_id="clean_airflow", execution_timeout=timedelta(minutes=30))
    run_task("expire_snapshots", timeout=timedelta(minutes=30))
    run_task("remove_training_runs", timeout=timedelta(minutes=30))
