"""Values that the DAGs share: the timetables, the assets, the form's fields, the number of retries."""

from datetime import timedelta

from airflow.sdk import Asset, Param
from airflow.timetables.trigger import CronTriggerTimetable

NIGHTLY = CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(hours=20, minutes=59))
"""Every night at 03:00 UTC. If today's run was already due when Airflow first sees the schedule, it runs at once. Before
03:00 it waits, because a run at once would be for yesterday. Airflow reads `run_immediately` only for a DAG without a
start_date."""

WEEKLY = CronTriggerTimetable("0 5 * * 1", timezone="UTC", run_immediately=timedelta(0))
"""Every Monday at 05:00 UTC. It does not run when Airflow first sees it, because a new platform has no training data."""

FEATURES = Asset(name="movie_features", uri="redis://marquee/feature_set")
"""Updated when a feature set is live and complete; it triggers train_model."""

DAY_PARAM = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Day",
    description="The day to run for, not after today (UTC). Empty means the day on which the run was due (UTC), or, on the"
    " synthetic sample, its world's day. Running the same day again changes nothing.",
)

ACCEPT_SKEW_PARAM = Param(
    default=False,
    type="boolean",
    title="Accept skew",
    description="Publish even if predictions of the last 24 hours used other features than the offline store holds.",
)

RETRIES = {
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}
