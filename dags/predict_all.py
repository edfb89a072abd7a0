"""### Predict the rating of every film

`predict_all` rates every film of the live feature set with the champion, as `GET /predict` does, and writes the ratings
to Postgres (tables `prediction` and `prediction_set`) and as a Parquet file to S3, under `predictions/`.

Wakes when **train_model** has judged the champion against new features; trigger it by hand after the alias `champion` was
moved by hand. The same champion and features change nothing.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from dags.run_task import run_task
from dags.schedule import DAY_PARAM, MODEL, RETRIES

with DAG(
    "predict_all",
    schedule=[MODEL],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    params={"day": DAY_PARAM},
    default_args=RETRIES,
    tags=["model"],
    doc_md=__doc__,
) as dag:
    run_task("predict_all", timeout=timedelta(hours=1))
