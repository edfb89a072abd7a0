"""### Train the rating model

`train_model` fits a model on the features that were known on the day, and compares it on the newest years with the constant
baseline and with the live model. It logs the run to MLflow and registers the model as **movie-rating**. `predict_all`
predicts every movie with the newest version that was better, and writes the predictions to S3. `deploy` makes the model, its
features and its predictions live together; the API then serves them without a restart. It also sets MLflow's alias `champion`.

Runs when **refresh_movies** has deployed features, and every Monday; trigger it by hand at any time. Training on the same
inputs again registers no new version and deploys nothing.
"""

from datetime import timedelta

from airflow.sdk import DAG
from airflow.timetables.assets import AssetOrTimeSchedule

from dags.run_task import run_task
from dags.schedule import DAY_PARAM, FEATURES, RETRIES, WEEKLY

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
    train = run_task("train_model", timeout=timedelta(hours=2))
    predict = run_task("predict_all", timeout=timedelta(hours=1), arguments=["--part=model"])
    train >> predict >> run_task("deploy", timeout=timedelta(hours=1), arguments=["--part=model"])
