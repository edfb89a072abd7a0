"""Values that the DAGs share: the timetables, the assets, the form's fields, the number of retries."""

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, Param
from airflow.timetables.trigger import CronTriggerTimetable

NIGHTLY = CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(hours=20, minutes=59))
"""Every night at 03:00 UTC. If today's run was already due when Airflow first sees the schedule, it runs at once. Before
03:00 it waits, because a run at once would be for yesterday. Airflow reads `run_immediately` only for a DAG without a
start_date."""

BEFORE_NIGHTLY = CronTriggerTimetable("0 1 * * *", timezone="UTC", run_immediately=timedelta(0))
"""Every night at 01:00 UTC. It does not run when Airflow first sees it, because a new platform has nothing to clean."""

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

FIRST_DAY_PARAM = Param(
    type="string",
    format="date",
    title="First day",
    description="The first day to build again, not before the archive of raw files begins.",
)
LAST_DAY_PARAM = Param(
    type="string", format="date", title="Last day", description="The last day to build again, not after today (UTC)."
)

RETRIES = {
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}


def read_catch_up() -> dict[str, Any]:
    """Return the setting CATCH_UP_SINCE as options of a DAG: each missed day gets a run, but none before that day.

    Without the setting, only the last of several missed days gets one. Raise ValueError unless it is a day.
    """
    since = os.environ.get("CATCH_UP_SINCE")
    if not since:
        return {"catchup": False}
    try:
        first = date.fromisoformat(since)
    except ValueError:
        raise ValueError(f"CATCH_UP_SINCE is {since!r}; write a day as YYYY-MM-DD") from None
    return {"catchup": True, "start_date": datetime(first.year, first.month, first.day, tzinfo=UTC)}
