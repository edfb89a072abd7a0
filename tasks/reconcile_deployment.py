"""Bring the pointer, the features and MLflow's alias back in step with the record of deployments.

Finishes a deployment that was interrupted by a kill, writes the Redis key again if Redis lost it, and publishes the live
features again if rows are missing. MLflow's alias follows the live deployment: a deleted alias is set again. An alias that was
moved by hand makes a new deployment if its version fits the live features; otherwise it is put back, and the reason is logged.
"""

import logging
from datetime import date

from redis import Redis
from redis.exceptions import RedisError

from tasks.command import main_without_lease
from tasks.core.deployment.alias import AliasAction, decide_alias
from tasks.core.deployment.choice import Choice
from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment, Model
from tasks.core.errors import BadInput, Busy, Unavailable
from tasks.io.deployments.checks import find_missing
from tasks.io.deployments.flip import LEASE, flip, follow, set_alias
from tasks.io.deployments.predictions import make_predictions, read_rows
from tasks.io.deployments.settle import settle
from tasks.io.deployments.values import describe_choice, describe_deed
from tasks.io.feast import online_store
from tasks.io.feast.feature_set_writer import is_whole, write_set
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease, take
from tasks.settings import Settings

log = logging.getLogger("tasks.reconcile_deployment")


def run(settings: Settings, _: date) -> None:
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
    with registry.connect(settings.mlflow_tracking_uri) as client:
        models, alias = registry.read_models(client), registry.read_alias(client)
    action, reason = decide_alias(live, alias, models)
    match action:
        case AliasAction.KEEP:
            log.info("deployment %d is live, and %s", live.deployment, reason)
        case AliasAction.DEPLOY:
            deploy_alias(settings, redis, live, next(model for model in models if model.version == alias), lease)
        case _:
            (follow if live.alias_at is None else set_alias)(settings, live, lease)
            log.warning("the alias champion is %s to version %s: %s", action.value, live.model_version, reason)


def restore_features(settings: Settings, redis: Redis, live: Deployment, lease: Lease) -> None:
    """Write the live feature set again if Redis has lost rows of it."""
    with connect(settings) as conn:
        features, keys, _ = feature_sets.read_feature_set(conn, live.feature_set)
    if is_whole(redis, live.feature_set, keys, live.schema_hash):
        return
    log.warning("feature set %s has lost rows in Redis; it is written again", live.feature_set)
    write_set(redis, features, read_rows(features), lease)


def deploy_alias(settings: Settings, redis: Redis, live: Deployment, model: Model, lease: Lease) -> None:
    """Deploy the version that the alias was moved to, with the live features; put the alias back if that is not possible."""
    with connect(settings) as conn:
        features, _, _ = feature_sets.read_feature_set(conn, live.feature_set)
    choice = Choice(model, features)
    try:
        parts = describe_choice(choice, make_predictions(settings, choice, lease))
        missing = find_missing(settings, redis, parts)
    except BadInput as error:
        missing = [str(error)]
    if missing:
        set_alias(settings, live, lease)
        log.warning(
            "the alias champion is put back from version %s to %s: %s", model.version, live.model_version, "; ".join(missing)
        )
        return
    reason = f"the alias champion was moved by hand to version {model.version}"
    flip(settings, redis, {**parts, **describe_deed(settings, "alias", reason, live)}, lease)


if __name__ == "__main__":
    main_without_lease(run, __doc__)
