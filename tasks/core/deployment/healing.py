"""The repair after a kill in the middle of a deployment, or after Redis lost the pointer."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment


@dataclass(frozen=True)
class Healing:
    """The steps after which the record and the pointer name the same deployment."""

    finish: Deployment | None
    """The pointer names this deployment, but the record does not have it as live yet."""
    rewrite: Deployment | None
    """The record has this deployment as live, but the pointer names another one or is gone."""
    abandon: tuple[Deployment, ...]
    """Deployments that were recorded, but that the pointer does not name."""


def decide_healing(deployments: Sequence[Deployment], pointer: int | None) -> Healing:
    """Return the steps. pointer: the number of the deployment that the Redis key names, None when there is no key.

    For an unfinished deployment the pointer decides, because readers may have seen it already. Otherwise the record decides,
    because a Redis that was restored from an older copy may name a deployment that has ended.
    """
    unfinished = [deployment for deployment in deployments if deployment.live_at is None and deployment.ended_at is None]
    finish = next((deployment for deployment in unfinished if deployment.deployment == pointer), None)
    live = find_live(deployments)
    abandon = tuple(deployment for deployment in unfinished if deployment is not finish)
    if finish is not None:
        return Healing(finish, None, abandon)
    return Healing(None, live if live is not None and live.deployment != pointer else None, abandon)
