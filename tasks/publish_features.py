"""Publish the latest feature rows to Redis as a new feature set beside the live one, check it, then make it live.

Reads the offline store. A set is a Feast project of its own; readers follow one pointer key, so they see the old set
or the new one whole. The set before is kept for a rollback, older ones are removed.
"""

import logging
from datetime import UTC, date, datetime

import polars as pl
from redis import Redis
from redis.exceptions import RedisError

from tasks.command import main
from tasks.core.errors import BadInput, Unavailable
from tasks.core.features.changes import compute_content_hash
from tasks.core.features.feature_set import FeatureSet, with_verified_day
from tasks.io.feast import definitions, offline_store, online_store
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.skew_audits import read_accepted_at
from tasks.settings import Settings

log = logging.getLogger("tasks.publish_features")

SAMPLE = 500
"""Films whose online values are compared with the offline ones before the set goes live."""


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Same offline rows twice, same state: a set that is live and whole is left as it is."""
    try:
        with offline_store.reachable():
            publish(settings, day, lease)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def publish(settings: Settings, day: date, lease: Lease) -> None:
    table = offline_store.open_table()
    snapshot = table.current_snapshot() if table is not None else None
    if table is None or snapshot is None:
        raise BadInput("the offline store is empty: run build_features first")
    rows = offline_store.read_latest(table, day).filter(~pl.col("withdrawn")).drop("withdrawn")
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    live = online_store.read_live(redis)

    content_hash, schema_hash = compute_content_hash(rows.drop(offline_store.TIMES)), definitions.read_defined_schema()
    by_tmdb_id = rows.drop_nulls("tmdb_id").select("tmdb_id", "movie_id", *offline_store.TIMES)
    keys = rows.height + by_tmdb_id.height
    sound = (
        live is not None
        and is_whole(redis, live.feature_set, keys, schema_hash)
        and not was_flagged_since_publishing(settings, live)
    )
    if live and live.content_hash == content_hash and sound:
        log.info("feature set %s is live with these %d films already", live.feature_set, live.movies)
        fresh = with_verified_day(live, day, schema_hash)
    else:
        now = datetime.now(UTC)
        # A set that is live is never written over with other features: the name tells both hashes.
        name = f"movies_{day:%Y%m%d}_{content_hash[:12]}_{schema_hash[:8]}"
        if live and live.feature_set.startswith(name) and was_flagged_since_publishing(settings, live):
            name += f"_{now:%H%M%S}"
        snapshot_id = str(snapshot.snapshot_id)
        fresh = FeatureSet(name, snapshot_id, content_hash, rows.height, day.isoformat(), now.isoformat(), schema_hash)
        write_set(redis, fresh, rows, by_tmdb_id, lease)

    with lease.held() as conn:
        if fresh != live:
            online_store.write_live(redis, fresh)
            log.info("feature set %s is live: %d films as of %s", fresh.feature_set, fresh.movies, fresh.day)
        retired = feature_sets.make_live(conn, fresh)
    for name in retired:
        with lease.held() as conn:
            online_store.delete_set(online_store.open_store(name), redis)
            feature_sets.mark_retired(conn, name)
        log.info("removed the retired feature set %s", name)


def is_whole(redis: Redis, feature_set: str, keys: int, schema_hash: str) -> bool:
    """All its rows are in Redis, and Feast's registry has it with the features that are defined now."""
    if online_store.count_rows(redis, feature_set) != keys:
        return False
    return definitions.read_schema(online_store.open_store(feature_set)) == schema_hash


def was_flagged_since_publishing(settings: Settings, live: FeatureSet) -> bool:
    """An audit found it to differ from the offline store since, and people chose to publish all the same: it is written anew."""
    with connect(settings) as conn:
        accepted_at = read_accepted_at(conn)
    return accepted_at is not None and accepted_at > datetime.fromisoformat(live.published_at)


def write_set(redis: Redis, fresh: FeatureSet, rows: pl.DataFrame, by_tmdb_id: pl.DataFrame, lease: Lease) -> None:
    """Write a set nobody reads yet, and hold it to the offline rows: every key there, a sample equal in every value."""
    with lease.held() as conn:
        feature_sets.start(conn, fresh)
    store = online_store.open_store(fresh.feature_set)
    with lease.held():
        definitions.apply_definitions(store)
    online_store.write_rows(store, "movies", rows.drop("tmdb_id"), lease)
    online_store.write_rows(store, "tmdb_ids", by_tmdb_id, lease)

    written, wanted = online_store.count_rows(redis, fresh.feature_set), rows.height + by_tmdb_id.height
    if written != wanted:
        raise Unavailable(f"feature set {fresh.feature_set}: {written} keys in Redis, {wanted} wanted; it was not made live")
    features = [name for name in rows.columns if name not in ("movie_id", "tmdb_id", *offline_store.TIMES)]
    sample = rows.select("movie_id", *features).sample(min(SAMPLE, rows.height), seed=0).sort("movie_id")
    answered = online_store.read_online(store, "movies", sample["movie_id"].to_list(), features).sort("movie_id")
    for name in features:
        if not sample[name].equals(answered[name].cast(sample[name].dtype), null_equal=True):
            raise Unavailable(f"feature set {fresh.feature_set}: {name} differs online from offline; it was not made live")
    log.info("feature set %s holds %d keys; %d sampled films equal the offline store", fresh.feature_set, written, sample.height)


if __name__ == "__main__":
    main(run, __doc__)
