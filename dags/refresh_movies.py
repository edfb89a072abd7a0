"""### Refresh the movies and publish their features

`ingest_imdb` and `ingest_tmdb` keep the sources' bytes in S3 and load them into Postgres, side by side;
`build_features` appends the feature rows that changed to the offline store; `publish_features` writes a feature set to
Redis, checks it and makes it live. The features asset then wakes **train_model**.

Runs every night; trigger it by hand at any time. The same day and sources twice change nothing. A task that fails for
good says why in the last lines of its log.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from dags.container import run_task
from dags.schedule import DAY_PARAM, FEATURES, RETRIES

with DAG(
    "refresh_movies",
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    params={"day": DAY_PARAM},
    default_args=RETRIES,
    tags=["ingest", "features"],
    doc_md=__doc__,
) as dag:
    ingest = [run_task("ingest_imdb", timeout=timedelta(hours=2)), run_task("ingest_tmdb", timeout=timedelta(hours=6))]
    build = run_task("build_features", timeout=timedelta(hours=1))
    ingest >> build >> run_task("publish_features", timeout=timedelta(hours=2), outlets=[FEATURES])
