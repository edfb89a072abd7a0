"""### Train the rating model

`train_model` fits on the features as they were known on the day, judges the model on the newest years against the
constant baseline and the champion, logs the run to MLflow and registers it as **movie-rating**. The alias `champion`
moves only to a better model; the API then serves it without a restart. The model asset then wakes **predict_all**.

Wakes when **refresh_movies** has published features, and every Monday; trigger it by hand at any time. Identical inputs
register no new version.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from airflow.timetables.assets import AssetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable

from dags.run_task import run_task
from dags.schedule import DAY_PARAM, FEATURES, MODEL, RETRIES

with DAG(
    "train_model",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 5 * * 1", timezone="UTC"),
        assets=[FEATURES],  # type: ignore[list-item]  # Airflow types its serialized form; a DAG file gives the plain one
    ),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    params={"day": DAY_PARAM},
    default_args=RETRIES,
    tags=["model"],
    doc_md=__doc__,
) as dag:
    run_task("train_model", timeout=timedelta(hours=2), outlets=[MODEL])
