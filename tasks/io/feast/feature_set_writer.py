"""Writes feature sets to Redis and compares them with the offline rows."""

import logging

import polars as pl
from redis import Redis

from tasks.core.errors import Unavailable
from tasks.core.features.feature_set import FeatureSet
from tasks.core.features.online_rows import EVENT_TIME
from tasks.io.feast import definitions, offline_store, online_memory, online_store
from tasks.io.postgres import feature_sets
from tasks.io.postgres.lease import Lease

log = logging.getLogger("tasks.feature_set_writer")

SAMPLE = 500
"""Movies whose online values are compared with the offline ones before the set is ready."""


def select_movies(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the view movies."""
    return rows.drop("tmdb_id", *offline_store.TIMES).with_columns(rows[EVENT_TIME])


def select_tmdb_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the view tmdb_ids: the movies that TMDB knows, by its id."""
    return rows.drop_nulls("tmdb_id").select("tmdb_id", "movie_id", EVENT_TIME)


def count_keys(rows: pl.DataFrame) -> int:
    """Return the number of Redis keys that a set of these rows has."""
    return rows.height + rows["tmdb_id"].drop_nulls().len()


def is_whole(redis: Redis, feature_set: str, keys: int, schema_hash: str) -> bool:
    """Return true if all rows of the set are in Redis and Feast's registry has the set with this schema."""
    if online_store.count_rows(redis, feature_set) != keys:
        return False
    return definitions.read_schema(online_store.open_store(feature_set)) == schema_hash


def write_set(redis: Redis, fresh: FeatureSet, rows: pl.DataFrame, lease: Lease) -> None:
    """Write a set, check that all keys exist and that a sample equals the offline rows, and mark the set ready.

    Raise BadSetting before the first write if the set does not fit into Redis, Unavailable if a check fails.
    """
    views = {"movies": select_movies(rows), "tmdb_ids": select_tmdb_ids(rows)}
    online_memory.check_fits(redis, fresh.feature_set, views)
    with lease.held() as conn:
        feature_sets.start(conn, fresh)
    store = online_store.open_store(fresh.feature_set)
    with lease.held():
        definitions.apply_definitions(store, fresh)
    for view, view_rows in views.items():
        online_store.write_rows(redis, fresh.feature_set, view, view_rows, lease)

    written, wanted = online_store.count_rows(redis, fresh.feature_set), count_keys(rows)
    if written != wanted:
        raise Unavailable(f"feature set {fresh.feature_set}: {written} keys in Redis, {wanted} wanted; it may not go live")
    features = [name for name in rows.columns if name not in ("movie_id", "tmdb_id", *offline_store.TIMES)]
    sample = rows.select("movie_id", *features).sample(min(SAMPLE, rows.height), seed=0).sort("movie_id")
    answered = online_store.read_online(store, "movies", sample["movie_id"].to_list(), features).sort("movie_id")
    for name in features:
        if not sample[name].equals(answered[name].cast(sample[name].dtype), null_equal=True):
            raise Unavailable(f"feature set {fresh.feature_set}: {name} differs online from offline; it may not go live")
    with lease.held() as conn:
        feature_sets.mark_ready(conn, fresh, wanted)
    log.info("feature set %s holds %d keys; %d sampled movies equal the offline store", fresh.feature_set, written, sample.height)
