"""### Predict the rating of every movie

`predict_all` predicts the rating of every movie of the live feature set with the champion, as `GET /predict` does, and
writes the ratings to Postgres (tables `prediction` and `prediction_set`) and as a Parquet file to S3, under `predictions/`.

Runs when **train_model** has succeeded; trigger it by hand after moving the alias `champion` by hand. Running it again for
the same champion and features changes nothing.
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
