"""What the DAGs share: the assets, the day's form field, how often a task is tried again."""

from datetime import timedelta

from airflow.sdk import Asset, Param

FEATURES = Asset(name="movie_features", uri="redis://marquee/feature_set")
"""Updated when a feature set is found live and whole; training wakes on it."""

MODEL = Asset(name="rating_model", uri="mlflow://marquee/movie-rating")
"""Updated when training has ended well, whether the champion changed or not; predicting all films wakes on it."""

DAY_PARAM = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Day",
    description="The day to run for; empty means the day on which the run was due (UTC). The same day again changes nothing.",
)

ACCEPT_SKEW_PARAM = Param(
    default=False,
    type="boolean",
    title="Accept skew",
    description="Publish although predictions of the last day were made of other features than the offline store holds.",
)

RETRIES = {
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}
