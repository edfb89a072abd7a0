"""Deploy prepared parts: check that model, feature set and predictions exist and fit together, then make them live.

`--part features` deploys the live model with the newest feature set of the day or earlier. `--part model` deploys the newest
version that passed the promotion gate. This verb never goes back: it does not deploy a feature set of an earlier day than the
live one, an older version, or parts that a rollback took out of service. The log then gives the reason. If a person has moved
MLflow's alias by hand, that version is deployed first, as reconcile_deployment does.
"""

import logging
from datetime import date

from redis import Redis
from redis.exceptions import RedisError

from tasks.command import main
from tasks.core.deployment.alias import AliasAction
from tasks.core.deployment.choice import describe_new
from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment
from tasks.core.errors import BadInput, Unavailable
from tasks.io.deployments.candidates import CHOOSERS, read_live
from tasks.io.deployments.checks import check_parts
from tasks.io.deployments.flip import LEASE, flip, write_pointer
from tasks.io.deployments.moved_alias import handle_moved_alias
from tasks.io.deployments.prepare import prepare
from tasks.io.deployments.settle import settle
from tasks.io.deployments.snapshots import warn_if_snapshot_is_gone
from tasks.io.deployments.values import describe_choice, describe_deed
from tasks.io.feast import online_store
from tasks.io.postgres.lease import Lease
from tasks.settings import Settings

log = logging.getLogger("tasks.deploy")


def run(settings: Settings, day: date, lease: Lease, part: str = "features") -> None:
    """Deploy the prepared parts; do nothing if they are live already."""
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    try:
        live = settle_alias(settings, redis, find_live(settle(settings, redis, lease)), lease)
        # This predicts only if the live model or the newest set has changed since predict_all ran.
        prepared = prepare(settings, day, part, lease)
        if isinstance(prepared, str):
            log.info("nothing is deployed: %s", prepared)
            if live is not None:
                write_pointer(settings, redis, live, lease)  # the day that its features are verified for may have moved on
            return
        chosen, predictions = prepared
        parts = describe_choice(chosen, predictions)
        missing = check_parts(settings, redis, parts)
        if missing:
            raise BadInput(f"nothing is deployed: {'; '.join(missing)}")
        deed = describe_deed(settings, "deploy", describe_new(chosen, live), live)
        warn_if_snapshot_is_gone(settings, flip(settings, redis, {**parts, **deed}, lease))
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def settle_alias(settings: Settings, redis: Redis, live: Deployment | None, lease: Lease) -> Deployment | None:
    """Obey an alias that a person moved since the last reconciliation, as this deployment will set it; return what is live."""
    if live is not None and handle_moved_alias(settings, redis, live, lease)[0] is AliasAction.DEPLOY:
        return read_live(settings)
    return live


if __name__ == "__main__":
    main(run, __doc__, choices={"part": tuple(CHOOSERS)}, lease_key=LEASE)
