"""DAGs whose tasks are there to be killed: the platform's own `run_task`, with other limits."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from airflow.sdk import DAG

from dags.run_task import run_task

for name, retries, seconds, memory in (
    ("killed_once", 0, 600, "2g"),
    ("killed_and_retried", 1, 600, "2g"),
    ("killed_by_time", 0, 15, "2g"),
    ("killed_by_memory", 1, 600, "96m"),
):
    with DAG(
        name,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        is_paused_upon_creation=False,
        default_args={"retries": retries, "retry_delay": timedelta(seconds=1)},
    ) as dag:
        run_task("build_features", timeout=timedelta(seconds=seconds), memory=memory)
    globals()[name] = dag

with DAG("chained", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), is_paused_upon_creation=False) as chained:
    tasks = [run_task("sweep_leases", timeout=timedelta(minutes=2), memory="512m", task_id=f"link_{n}") for n in range(5)]
    for before, after in pairwise(tasks):
        before >> after
