"""Writes feature sets to Redis and compares them with the offline rows."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl
from redis import Redis

from tasks.core.errors import Unavailable
from tasks.core.features.content import TIMES, Content
from tasks.core.features.feature_set import FeatureSet
from tasks.core.features.online_rows import EVENT_TIME
from tasks.io.feast import definitions, online_memory, online_store
from tasks.io.postgres import feature_sets
from tasks.io.postgres.lease import Lease
from tasks.io.progress import Progress

if TYPE_CHECKING:
    from feast import FeatureStore

log = logging.getLogger("tasks.feature_set_writer")


def select_movies(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the view movies."""
    return rows.drop("tmdb_id", *TIMES).with_columns(rows[EVENT_TIME])


def select_tmdb_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the view tmdb_ids: the movies that TMDB knows, by its id."""
    return rows.drop_nulls("tmdb_id").select("tmdb_id", "movie_id", EVENT_TIME)


VIEWS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"movies": select_movies, "tmdb_ids": select_tmdb_ids}
"""The views of a set, and what each has of the offline rows."""


def is_whole(redis: Redis, feature_set: str, keys: int, schema_hash: str) -> bool:
    """Return true if all rows of the set are in Redis and Feast's registry has the set with this schema."""
    if online_store.count_rows(redis, feature_set) != keys:
        return False
    return definitions.read_schema(online_store.open_store(feature_set)) == schema_hash


def write_set(redis: Redis, fresh: FeatureSet, rows: Iterable[pl.DataFrame], content: Content, lease: Lease) -> None:
    """Write a set, check that all keys exist and that a sample equals the offline rows, and mark the set ready.

    rows: in slices. content: what describe_content says of them. Raise BadSetting before the first write if the set does not fit
    into Redis, Unavailable if a check fails.
    """
    online_memory.check_fits(redis, fresh.feature_set, {view: select(content.sample) for view, select in VIEWS.items()}, content)
    with lease.held() as conn:
        feature_sets.start(conn, fresh)
    store = online_store.open_store(fresh.feature_set)
    with lease.held():
        definitions.apply_definitions(store, fresh)
    progress = Progress("movies to Redis", content.movies)
    for part in rows:
        for view, select in VIEWS.items():
            online_store.write_rows(redis, fresh.feature_set, view, select(part), lease)
        progress.advance(part.height)
    progress.finish()

    written = online_store.count_rows(redis, fresh.feature_set)
    if written != content.keys:
        raise Unavailable(f"feature set {fresh.feature_set}: {written} keys in Redis, {content.keys} wanted; it may not go live")
    check_sample(store, content.sample)
    with lease.held() as conn:
        feature_sets.mark_ready(conn, fresh, written)
    log.info(
        "feature set %s holds %d keys; %d sampled movies equal the offline store",
        *(fresh.feature_set, written, content.sample.height),
    )


def check_sample(store: "FeatureStore", sample: pl.DataFrame) -> None:
    """Raise Unavailable if a feature of these rows reads online otherwise than offline."""
    features = [name for name in sample.columns if name not in ("movie_id", "tmdb_id", *TIMES)]
    answered = online_store.read_online(store, "movies", sample["movie_id"].to_list(), features).sort("movie_id")
    for name in features:
        if not sample[name].equals(answered[name].cast(sample[name].dtype), null_equal=True):
            raise Unavailable(f"feature set {store.project}: {name} differs online from offline; it may not go live")
