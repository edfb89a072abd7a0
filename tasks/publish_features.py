"""Publish the latest feature rows to Redis as a new feature set beside the live one, and check it.

Reads the offline store. Each set is a Feast project of its own. This verb only prepares the set; it goes live when a deployment
names it.
"""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime

from pyiceberg.table import Table
from redis import Redis
from redis.exceptions import RedisError

from tasks.command import main
from tasks.core.errors import BadInput, Unavailable
from tasks.core.features.content import describe_content
from tasks.core.features.feature_set import FeatureSet, with_verified_day
from tasks.io.feast import definitions, offline_store, online_store
from tasks.io.feast.feature_set_writer import is_whole, write_set
from tasks.io.feast.latest_rows import PresentRows
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.skew_audits import read_accepted_at
from tasks.settings import Settings

log = logging.getLogger("tasks.publish_features")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Publish the day's rows; a set that already has them, ready and whole, is left as it is.

    A set that had them once is written again under its own name, unless an audit has flagged it since.
    """
    try:
        with offline_store.reachable():
            publish(settings, day, lease)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def publish(settings: Settings, day: date, lease: Lease) -> None:
    """Write the feature set of the day's rows, unless a set has them already."""
    table = offline_store.open_table()
    snapshot = table.current_snapshot() if table is not None else None
    if table is None or snapshot is None:
        raise BadInput("the offline store is empty: run build_features first")
    rows = PresentRows(table, day)
    content = describe_content(rows)
    if content.movies == 0:
        raise BadInput(f"the offline store has no rows of {day} or earlier: run build_features for that day first")
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    content_hash, schema_hash = content.sha256, definitions.read_defined_schema()

    with connect(settings) as conn:
        ready = feature_sets.read_ready(conn)
        same = feature_sets.read_same(conn, content_hash, schema_hash)
        accepted_at = read_accepted_at(conn)
    names = {known.feature_set for known in ready}
    unflagged = [known for known in same if not was_flagged(known, accepted_at)]
    now = datetime.now(UTC)
    whole = find_whole(redis, [known for known in unflagged if known.feature_set in names], content.keys)
    if whole is not None:
        log.info("feature set %s has these %d movies already", whole.feature_set, whole.movies)
        verified = with_kept_snapshot(with_verified_day(whole, day, schema_hash), table, day)
        if ready[-1].feature_set != whole.feature_set and ready[-1].day <= day.isoformat():
            # The movies are again as they were before another set of the day was published: these rows are the newest.
            verified = replace(verified, published_at=now.isoformat())
        if verified != whole:
            with lease.held() as conn:
                feature_sets.mark_ready(conn, verified, content.keys)
        return
    for known in reversed(unflagged):
        # Under its own name, so that a set which a rollback took out of service stays out.
        verified = with_kept_snapshot(with_verified_day(known, day, schema_hash), table, day)
        again = replace(verified, published_at=now.isoformat())
        known_rows = read_published(table, again)
        if known_rows is not None:
            write_set(redis, again, known_rows, content, lease)
            log.info("feature set %s, which Redis had lost or no longer kept, is ready again", again.feature_set)
            return
    # A set is never overwritten with other features, because its name contains both hashes.
    name = f"movies_{day:%Y%m%d}_{content_hash[:12]}_{schema_hash[:8]}"
    if any(known.feature_set.startswith(name) and was_flagged(known, accepted_at) for known in same):
        name += f"_{now:%H%M%S}"
    snapshot_id = str(snapshot.snapshot_id)
    fresh = FeatureSet(name, snapshot_id, content_hash, content.movies, day.isoformat(), now.isoformat(), schema_hash)
    write_set(redis, fresh, rows, content, lease)
    log.info("feature set %s is ready: %d movies as of %s", fresh.feature_set, fresh.movies, fresh.day)


def find_whole(redis: Redis, sets: list[FeatureSet], keys: int) -> FeatureSet | None:
    """Return the newest of the sets that Redis still holds whole."""
    return next((known for known in reversed(sets) if is_whole(redis, known.feature_set, keys, known.schema_hash)), None)


def with_kept_snapshot(known: FeatureSet, table: Table, day: date) -> FeatureSet:
    """Return the set with the current snapshot, which has the same rows as of the day, if the set's own was removed."""
    current = table.current_snapshot()
    if current is None or known.day != day.isoformat() or offline_store.has_snapshot(table, known.snapshot_id):
        return known
    return replace(known, snapshot_id=str(current.snapshot_id))


def read_published(table: Table, known: FeatureSet) -> PresentRows | None:
    """Return the rows that the set was published from, or None if the offline store does not have its snapshot any more."""
    if not offline_store.has_snapshot(table, known.snapshot_id):
        return None
    rows = PresentRows(table, date.fromisoformat(known.day), int(known.snapshot_id))
    return rows if describe_content(rows).sha256 == known.content_hash else None


def was_flagged(features: FeatureSet, accepted_at: datetime | None) -> bool:
    """Return true if a person accepted a difference between API and offline store after the set was published.

    The same rows are then published again under another name.
    """
    return accepted_at is not None and accepted_at > datetime.fromisoformat(features.published_at)


if __name__ == "__main__":
    main(run, __doc__)
