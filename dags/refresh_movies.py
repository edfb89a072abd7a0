"""### Refresh the movies and publish their features

`ingest_imdb` and `ingest_tmdb` keep the sources' bytes in S3 and load them into Postgres, side by side;
`build_features` appends the feature rows that changed to the offline store; `audit_skew` compares predictions of the last
24 hours with the offline rows that they should have been made of; `publish_features` writes a feature set to Redis, checks
it and makes it live. The features asset then wakes **train_model**.

Runs every night; trigger it by hand at any time. The same day and sources twice change nothing. A task that fails for
good says why in the last lines of its log.

If `audit_skew` fails, the API was given features that differ from the offline store's; its log names them and a prediction
to look at (`marquee replay`). Nothing is published until those predictions are older than 24 hours, or a person who has
found the reason triggers this DAG with **Accept skew**: the audit then reports without failing, and a new set is published.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from dags.run_task import run_task
from dags.schedule import ACCEPT_SKEW_PARAM, DAY_PARAM, FEATURES, RETRIES

with DAG(
    "refresh_movies",
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    params={"day": DAY_PARAM, "accept_skew": ACCEPT_SKEW_PARAM},
    default_args=RETRIES,
    tags=["ingest", "features"],
    doc_md=__doc__,
) as dag:
    ingest = [run_task("ingest_imdb", timeout=timedelta(hours=2)), run_task("ingest_tmdb", timeout=timedelta(hours=6))]
    build = run_task("build_features", timeout=timedelta(hours=1))
    audit = run_task("audit_skew", timeout=timedelta(hours=1), flags={"accept": "accept_skew"})
    ingest >> build >> audit >> run_task("publish_features", timeout=timedelta(hours=2), outlets=[FEATURES])
