"""### Build the features of past days again

`build_features` builds each day from **First day** to **Last day**, in order, from the archive of raw files as that day's ingest
left them, and appends to the offline store what differs. Every other day reads as before. The same days again change nothing.

Runs only by hand, here or by `marquee backfill FROM TO`; for example after a new feature was added, or for days on which the
build failed. It publishes nothing: what is live stays.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dags.run_task import run_task
from dags.schedule import FIRST_DAY_PARAM, LAST_DAY_PARAM, RETRIES

with DAG(
    "backfill",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=24),
    params={"since": FIRST_DAY_PARAM, "day": LAST_DAY_PARAM},
    default_args=RETRIES,
    tags=["features"],
    doc_md=__doc__,
) as dag:
    run_task("build_features", timeout=timedelta(hours=24), arguments=["--since={{ params['since'] }}"])
