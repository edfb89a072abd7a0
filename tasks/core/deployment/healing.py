"""What is left to do where a deployment was cut short, or Redis lost the pointer."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment


@dataclass(frozen=True)
class Healing:
    """The steps that make the record and the pointer name one deployment."""

    finish: Deployment | None
    """The pointer names it, and the record does not say yet that it is live."""
    rewrite: Deployment | None
    """The record says that it is live, and the pointer names another one or is gone."""
    abandon: tuple[Deployment, ...]
    """Made, and overtaken before they went live."""


def decide_healing(deployments: Sequence[Deployment], pointer: int | None) -> Healing:
    """Return the steps; pointer: the number of the deployment that the Redis key names, None when there is no key.

    The pointer decides about a deployment that was being made: readers may have seen it. In all else the record decides: a
    Redis that was restored from an older copy names a deployment that has ended.
    """
    unfinished = [deployment for deployment in deployments if deployment.live_at is None and deployment.ended_at is None]
    finish = next((deployment for deployment in unfinished if deployment.deployment == pointer), None)
    live = find_live(deployments)
    abandon = tuple(deployment for deployment in unfinished if deployment is not finish)
    if finish is not None:
        return Healing(finish, None, abandon)
    return Healing(None, live if live is not None and live.deployment != pointer else None, abandon)
