"""### Refresh the movies and publish their features

`ingest_imdb` and `ingest_tmdb` store the sources' bytes in S3 and load them into Postgres. `ingest_tmdb` asks TMDB for IMDb's
movies, even if IMDb's new files could not be fetched.
`build_features` appends the feature rows that changed to the offline store. `audit_skew` compares the features of the last
24 hours' predictions with the offline store. `publish_features` writes a feature set to Redis and checks it. `predict_all`
predicts every movie of that set with the live model. `deploy` makes the set and its predictions live, together with that model.
The asset of the features then triggers **train_model**, which makes the first model: until there is one, `predict_all` and
`deploy` have nothing to do and log that.

Runs every night; trigger it by hand at any time. Running the same day with the same sources again changes nothing.
Features of an earlier day than the live ones are prepared but not deployed; use `marquee rollback` to go back. When a
task fails permanently, the last lines of its log give the reason.

If `audit_skew` fails, the API used features that differ from the offline store; the task's log names them and a prediction
to examine with `marquee replay`. Nothing is published until those predictions are older than 24 hours. If you know the
reason, trigger this DAG with **Accept skew**: the audit then reports without failing, and a new set is published.
"""

from datetime import timedelta

from airflow.sdk import DAG

from dags.run_task import run_task
from dags.schedule import ACCEPT_SKEW_PARAM, DAY_PARAM, FEATURES, NIGHTLY, RETRIES, read_catch_up

with DAG(
    "refresh_movies",
    schedule=NIGHTLY,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    params={"day": DAY_PARAM, "accept_skew": ACCEPT_SKEW_PARAM},
    default_args=RETRIES,
    tags=["ingest", "features"],
    doc_md=__doc__,
    **read_catch_up(),
) as dag:
    imdb = run_task("ingest_imdb", timeout=timedelta(hours=2))
    tmdb = run_task("ingest_tmdb", timeout=timedelta(hours=6), trigger_rule="all_done")
    build = run_task("build_features", timeout=timedelta(hours=1))
    audit = run_task("audit_skew", timeout=timedelta(hours=1), flags={"accept": "accept_skew"})
    publish = run_task("publish_features", timeout=timedelta(hours=2))
    predict = run_task("predict_all", timeout=timedelta(hours=1), arguments=["--part=features"])
    deploy = run_task("deploy", timeout=timedelta(hours=1), arguments=["--part=features"], outlets=[FEATURES])
    imdb >> tmdb
    [imdb, tmdb] >> build >> audit >> publish >> predict >> deploy
