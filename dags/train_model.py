"""### Train the rating model

`train_model` fits a model on the features as they were known on the day, compares it on the newest years with the constant
baseline and with the champion, logs the run to MLflow and registers the model as **movie-rating**. The alias `champion`
moves only to a better model; the API then serves it without a restart. The asset of the model then triggers **predict_all**.

Runs when **refresh_movies** has published features, and every Monday; trigger it by hand at any time. Training on the same
inputs again registers no new version.
"""

from datetime import timedelta

from airflow.sdk import DAG
from airflow.timetables.assets import AssetOrTimeSchedule

from dags.run_task import run_task
from dags.schedule import DAY_PARAM, FEATURES, MODEL, RETRIES, WEEKLY

with DAG(
    "train_model",
    schedule=AssetOrTimeSchedule(
        timetable=WEEKLY,
        assets=[FEATURES],  # type: ignore[list-item]  # Airflow's type is that of the serialized form
    ),
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
