"""Remove feature sets and prediction sets that no deployment needs any more.

Keeps the parts of the last KEEP_DEPLOYMENTS deployments, so that a rollback finds them, and all parts that are newer than the
live ones. A prediction set's SQLite file is removed with them. Its Parquet file is removed RECEIPTS_KEEP_DAYS after it was last
live, because receipts of fallback answers are replayed from it.
"""

import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from redis.exceptions import RedisError

from tasks.command import main_without_lease
from tasks.core.deployment.history import find_kept, find_live
from tasks.core.errors import Busy, Unavailable
from tasks.io import prediction_sets
from tasks.io.deployments.flip import LEASE
from tasks.io.feast import online_store
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import Lease, take
from tasks.io.retired_predictions import remove_databases, remove_ratings
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings

log = logging.getLogger("tasks.remove_unused_parts")

WRITERS = (LEASE, "publish_features", "predict_all")
"""The leases of the verbs that make and deploy parts: this verb holds them all, so nothing is removed while one of those runs."""


GRACE = timedelta(days=1)
"""A Parquet file is kept for this time after its last receipt: an API may answer from a replaced deployment for a while, and
audit_skew deletes receipts once a day."""


def run(settings: Settings) -> None:
    """Remove unused parts; a second run with the same deployments changes nothing."""
    try:
        with ExitStack() as stack:
            leases = [stack.enter_context(take(settings, key)) for key in WRITERS]
            remove_unused(settings, leases[0])
    except Busy as error:
        log.info("left to the next pass: %s", error)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def remove_unused(settings: Settings, lease: Lease) -> None:
    with connect(settings) as conn:
        deployments, sets = read_deployments(conn), feature_sets.read_ready(conn)
    live = find_live(deployments)
    if live is None:
        log.info("no deployment is live yet: nothing is removed")
        return
    kept = find_kept(deployments, settings.keep_deployments)
    published_at = max((features.published_at for features in sets if features.feature_set == live.feature_set), default="")
    newer = [features.feature_set for features in sets if features.published_at > published_at]
    with connect(settings) as conn:
        unused_sets = feature_sets.read_unused(conn, [*(deployment.feature_set for deployment in kept), *newer])
        unused_predictions = prediction_sets.read_unused(
            conn, [deployment.prediction_set for deployment in kept], before=live.made_at
        )
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    for name in unused_sets:
        with lease.held() as conn:
            # First the row, so that a half removed set does not look ready. After a kill the next run removes it.
            feature_sets.mark_writing(conn, name)
        with lease.held() as conn:
            online_store.delete_set(online_store.open_store(name), redis)
            feature_sets.mark_retired(conn, name)
        log.info("removed the feature set %s", name)
    for prediction_set in unused_predictions:
        with lease.held() as conn:
            prediction_sets.mark_retired(conn, prediction_set)
        log.info("retired the predictions %s", prediction_set)
    bucket = Bucket.from_settings(settings)
    remove_databases(settings, bucket, lease)
    remove_ratings(settings, bucket, lease, datetime.now(UTC) - timedelta(days=settings.receipts_keep_days) - GRACE)


if __name__ == "__main__":
    main_without_lease(run, __doc__)
