"""The online store: feature sets in Redis, each as a Feast project."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import polars as pl
import yaml
from redis import Redis

from tasks.core.errors import Unavailable
from tasks.core.features.online_rows import render_rows
from tasks.io.feast.definitions import REPO, SERVICE
from tasks.io.postgres.lease import Lease

if TYPE_CHECKING:
    from feast import FeatureStore

ROWS_PER_WRITE = 5_000
"""Rows per chunk: about 8 MB of commands."""


def open_redis(connection_string: str) -> Redis:
    """Open a client for Feast's connection string, host:port,username=…,password=…"""
    address, *options = connection_string.split(",")
    host, port = address.rsplit(":", 1)
    parameters = dict(option.split("=", 1) for option in options)
    return Redis(
        host=host,
        port=int(port),
        username=parameters.get("username"),
        password=parameters.get("password"),
        db=int(parameters.get("db", 0)),
        socket_timeout=60,
        socket_connect_timeout=5,
    )


def open_store(project: str) -> "FeatureStore":
    """Open Feast with the definitions of feature_repo. project: the feature set."""
    from feast import FeatureStore  # noqa: PLC0415  # the import takes 2 s, and a task that finds nothing to do needs no Feast
    from feast.repo_config import RepoConfig  # noqa: PLC0415

    written = yaml.safe_load(os.path.expandvars((REPO / "feature_store.yaml").read_text()))
    return FeatureStore(config=RepoConfig(**written | {"project": project, "repo_path": REPO}))


def write_rows(redis: Redis, project: str, view: str, rows: pl.DataFrame, lease: Lease) -> None:
    """Write rows of a view in chunks, whose commands are in memory together. The first column is the entity's key.

    The lease is checked for each chunk: a superseded attempt stops, and does not write keys that the later one has removed.
    """
    for chunk in rows.iter_slices(ROWS_PER_WRITE):
        with lease.held():
            write_commands(redis, render_rows(chunk, view, rows.columns[0], project), chunk.height)


def write_commands(redis: Redis, commands: bytes, number: int) -> None:
    """Send commands that are rendered already; raise RedisError if one of them fails."""
    connection = redis.connection_pool.get_connection()
    try:
        connection.send_packed_command([commands])  # type: ignore[no-untyped-call]
        for _ in range(number):
            connection.read_response()  # type: ignore[no-untyped-call]
    except BaseException:
        # Answers that were not read would be taken for those of the next command.
        connection.disconnect()  # type: ignore[no-untyped-call]
        raise
    finally:
        redis.connection_pool.release(connection)


def count_rows(redis: Redis, feature_set: str) -> int:
    """Count the Redis keys of a feature set: one per movie, and one more per movie with a TMDB id."""
    return len(set(scan_keys(redis, feature_set)))  # SCAN may return a key twice while Redis resizes its table


def scan_keys(redis: Redis, feature_set: str) -> Iterator[bytes]:
    yield from redis.scan_iter(match=b"*" + feature_set.encode(), count=10_000)


def read_online(store: "FeatureStore", view: str, movie_ids: list[str], features: list[str]) -> pl.DataFrame:
    """Return Feast's online values of these movies as a frame: movie_id and the features."""
    answer = store.get_online_features(
        [f"{view}:{name}" for name in features], [{"movie_id": movie_id} for movie_id in movie_ids]
    )
    return pl.DataFrame(answer.to_dict()).select("movie_id", *features)


def read_as_of(project: str, labels: pl.DataFrame, day: date) -> tuple[pl.DataFrame, list[str]]:
    """Return the labelled movies with their features as known at the end of `day`, and the features' names.

    labels: movie_id and the label. Rows that were written after `day` are not used, not even rows about earlier days, so a
    backfill does not change the result.
    """
    store = open_store(project)
    service = store.get_feature_service(SERVICE)
    as_of = datetime.combine(day, time.max, tzinfo=UTC)
    job = store.get_historical_features(
        entity_df=labels.with_columns(pl.lit(as_of).alias("event_timestamp")).to_pandas(),
        features=service,
        filter_by_created_timestamp=True,
    )
    features = [feature.name for projection in service.feature_view_projections for feature in projection.features]
    rows = pl.DataFrame(job.to_arrow()).select("movie_id", "average_rating", *features)
    return rows.sort("movie_id"), sorted(features)


def delete_set(store: "FeatureStore", redis: Redis) -> None:
    """Remove a set's keys from Redis and its project from the registry, also after a removal that was killed.

    FeatureStore.teardown() is not used: in Feast 0.67 it deletes every project of the registry. delete_project() alone leaves
    the history of the views, and then no set of the same name can be published.
    """
    keys = list(scan_keys(redis, store.project))
    for start in range(0, len(keys), ROWS_PER_WRITE):
        redis.unlink(*keys[start : start + ROWS_PER_WRITE])
    for view in store.registry.list_feature_views(store.project):
        store.registry.delete_feature_view(view.name, store.project)
    if store.project in {project.name for project in store.registry.list_projects()}:
        store.registry.delete_project(store.project)
    if count_rows(redis, store.project):
        raise Unavailable(f"Redis still holds keys of the retired feature set {store.project}")
