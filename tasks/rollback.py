"""Go back to an earlier deployment in one step: model, features and predictions together.

Without a number, the target is the deployment that the live one replaced. The rollback fails if a part of the target is no longer
kept. The parts of the deployments that it undoes are taken out of service: no run of a DAG deploys them again. To use them
again, roll back to their deployment.
"""

import argparse
import logging
import sys
from contextlib import ExitStack

from redis.exceptions import RedisError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tasks.command import make_parser, run_and_map_errors, start_log
from tasks.core.deployment.alias import AliasAction
from tasks.core.deployment.history import find_live, find_rollback_target
from tasks.core.deployment.record import Deployment
from tasks.core.errors import Busy, Unavailable, Unknown
from tasks.io.deployments.checks import check_parts
from tasks.io.deployments.flip import LEASE, flip
from tasks.io.deployments.moved_alias import read_alias_action
from tasks.io.deployments.settle import settle
from tasks.io.deployments.snapshots import warn_if_snapshot_is_gone
from tasks.io.deployments.values import describe_deed, describe_parts
from tasks.io.feast import online_store
from tasks.io.postgres.lease import Lease, take
from tasks.settings import Settings

log = logging.getLogger("tasks.rollback")

LEASE_SECONDS = 60
"""A rollback waits this long for a deploy or a reconciliation that is under way; those take seconds."""


def run(settings: Settings, number: int | None, reason: str, person: str | None = None) -> None:
    """Make the earlier deployment's parts live again, as a new deployment in the record."""
    waiting = Retrying(
        retry=retry_if_exception_type(Busy), stop=stop_after_delay(LEASE_SECONDS), wait=wait_fixed(1), reraise=True
    )
    with ExitStack() as stack:
        lease = waiting(lambda: stack.enter_context(take(settings, LEASE)))
        roll_back(settings, number, reason, person, lease)


def roll_back(settings: Settings, number: int | None, reason: str, person: str | None, lease: Lease) -> None:
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    try:
        deployments = settle(settings, redis, lease)
        target = find_rollback_target(deployments, number)
        if isinstance(target, str):
            raise Unknown(target)
        parts = describe_parts(target)
        missing = check_parts(settings, redis, parts)
        if missing:
            raise Unknown(f"deployment {target.deployment} cannot come back: {'; '.join(missing)}")
        live = find_live(deployments)
        if live is not None:
            warn_if_alias_moved(settings, live)
        deployment = flip(settings, redis, {**parts, **describe_deed(settings, "rollback", reason, live, person)}, lease)
        warn_if_snapshot_is_gone(settings, deployment)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def warn_if_alias_moved(settings: Settings, live: Deployment) -> None:
    """Log that the rollback replaces what a person chose by moving MLflow's alias since the last reconciliation."""
    action, reason, _ = read_alias_action(settings, live)
    if action in (AliasAction.DEPLOY, AliasAction.PUT_BACK):
        log.warning("the alias follows this rollback, although it was moved by hand: %s", reason)


def parse_reason(text: str) -> str:
    """Return the reason without blanks around it; raise ArgumentTypeError if it is empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, in some words: the record of deployments keeps it")
    return text.strip()


def main() -> int:
    """Read the command line, run, and return the exit code."""
    parser = make_parser(__doc__)
    parser.add_argument("deployment", nargs="?", type=int, default=None, metavar="DEPLOYMENT", help="a number, of those listed")
    parser.add_argument("--reason", required=True, type=parse_reason, help="why, for the record")
    parser.add_argument("--by", help="user@host of the person, for the record (default: this process's own)")
    arguments = parser.parse_args()
    start_log()
    return run_and_map_errors(run, arguments.deployment, arguments.reason, arguments.by)


if __name__ == "__main__":
    sys.exit(main())
