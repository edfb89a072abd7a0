"""Values that the DAGs share: the timetables, the assets, the fields of the form, how often a task is tried again."""

from datetime import timedelta

from airflow.sdk import Asset, Param
from airflow.timetables.trigger import CronTriggerTimetable

NIGHTLY = CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(hours=20, minutes=59))
"""Every night at 03:00 UTC. When Airflow sees the schedule for the first time and today's run was due already, it runs at
once; before 03:00 it waits, because the run that was due last would be for yesterday. Airflow reads `run_immediately` only
for a DAG without a start_date."""

WEEKLY = CronTriggerTimetable("0 5 * * 1", timezone="UTC", run_immediately=timedelta(0))
"""Every Monday at 05:00 UTC, and never at first sight: a new platform has nothing to train on."""

FEATURES = Asset(name="movie_features", uri="redis://marquee/feature_set")
"""Updated when a feature set is live and complete; it triggers train_model."""

DAY_PARAM = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Day",
    description="The day to run for, not after today (UTC). Empty means the day on which the run was due (UTC). Running the same"
    " day again changes nothing.",
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
