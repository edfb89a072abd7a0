"""Bring the pointer, the features and MLflow's alias back in step with the record of deployments.

Finishes a deployment that was interrupted by a kill, writes the Redis key again if Redis lost it, and publishes the live
features again if rows are missing. MLflow's alias follows the live deployment: a deleted alias is set again. An alias that was
moved by hand makes a new deployment if its version fits the live features; otherwise it is put back, and the reason is logged.
"""

import logging

from redis import Redis
from redis.exceptions import RedisError

from tasks.command import main_without_lease
from tasks.core.deployment.alias import AliasAction
from tasks.core.deployment.history import find_live
from tasks.core.deployment.pointer import read_world_day
from tasks.core.deployment.record import Deployment
from tasks.core.errors import Busy, Unavailable
from tasks.io.deployments.flip import LEASE, POINTER, follow, set_alias, write_pointer
from tasks.io.deployments.moved_alias import handle_moved_alias
from tasks.io.deployments.predictions import read_rows
from tasks.io.deployments.settle import settle
from tasks.io.feast import online_store
from tasks.io.feast.feature_set_writer import is_whole, write_set
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease, take
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.reconcile_deployment")


def run(settings: Settings) -> None:
    """Reconcile once; write nothing if all is in step."""
    try:
        with take(settings, LEASE) as lease:
            reconcile(settings, lease)
    except Busy as error:
        log.info("left to the next pass: %s", error)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def reconcile(settings: Settings, lease: Lease) -> None:
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    live = find_live(settle(settings, redis, lease))
    if live is None:
        log.info("no deployment is live yet")
        return
    restore_features(settings, redis, live, lease)
    follow_world(settings, redis, live, lease)
    action, reason = handle_moved_alias(settings, redis, live, lease)
    if action is AliasAction.KEEP:
        log.info("deployment %d is live, and %s", live.deployment, reason)
    if action is AliasAction.SET:
        (follow if live.alias_at is None else set_alias)(settings, live, lease)
        log.warning("the alias champion is set to version %s: %s", live.model_version, reason)


def follow_world(settings: Settings, redis: Redis, live: Deployment, lease: Lease) -> None:
    """Write the pointer again if the sample's world has moved on, because the API tells the age of the features by it."""
    if settings.world_url is None:
        return
    try:
        today = read_today(settings)
    except Unavailable as error:
        log.warning("%s; the day that the API knows stays", error)
        return
    if read_world_day(redis.get(POINTER)) != today.isoformat():  # type: ignore[arg-type]  # as in flip.py
        write_pointer(settings, redis, live, lease)
        log.info("the world's day is %s", today)


def restore_features(settings: Settings, redis: Redis, live: Deployment, lease: Lease) -> None:
    """Write the live feature set again if Redis has lost rows of it."""
    with connect(settings) as conn:
        features, keys, _ = feature_sets.read_feature_set(conn, live.feature_set)
    if is_whole(redis, live.feature_set, keys, live.schema_hash):
        return
    log.warning("feature set %s has lost rows in Redis; it is written again", live.feature_set)
    write_set(redis, features, *read_rows(features), lease)


if __name__ == "__main__":
    main_without_lease(run, __doc__)
