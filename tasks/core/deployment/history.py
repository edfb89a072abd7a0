"""Questions to the record of deployments: the live one, the target of a rollback, the parts out of service, the parts to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.core.deployment.record import Deployment


@dataclass(frozen=True)
class OutOfService:
    """Model versions and feature sets that no DAG deploys again, each with the deployment that took it out of service."""

    models: Mapping[str, Deployment]
    feature_sets: Mapping[str, Deployment]


def find_live(deployments: Sequence[Deployment]) -> Deployment | None:
    """Return the live deployment, or None before the first."""
    return next((deployment for deployment in deployments if deployment.is_live), None)


def find_out_of_service(deployments: Sequence[Deployment]) -> OutOfService:
    """Return the parts that a rollback, or the alias moved by hand, took out of service.

    A rollback takes out the parts of the deployment that it replaces, and of every deployment between that one and its target:
    going back two deployments means that the one in between is not wanted either. Moving the alias to an older version takes
    out the newer versions that were live. A part that goes live again is back in service.
    deployments: in the order of their ids.
    """
    models: dict[str, Deployment] = {}
    feature_sets: dict[str, Deployment] = {}
    been_live: list[Deployment] = []
    for deployment in deployments:
        if deployment.live_at is None:
            continue
        if deployment.kind == "rollback":
            for left in find_left(been_live, deployment):
                models[left.model_version] = deployment
                feature_sets[left.feature_set] = deployment
        if deployment.kind == "alias":
            newer = [each for each in been_live if int(each.model_version) > int(deployment.model_version)]
            models.update({each.model_version: deployment for each in newer})
        models.pop(deployment.model_version, None)
        feature_sets.pop(deployment.feature_set, None)
        been_live.append(deployment)
    return OutOfService(models, feature_sets)


def find_left(been_live: Sequence[Deployment], rollback: Deployment) -> list[Deployment]:
    """Return the deployments that a rollback undoes: all since the last one with the same parts as the rollback."""
    left: list[Deployment] = []
    for deployment in reversed(been_live):
        if deployment.parts == rollback.parts:
            break
        left.append(deployment)
    return left


def find_rollback_target(deployments: Sequence[Deployment], number: int | None) -> Deployment | str:
    """Return the deployment to go back to, or a sentence with the reason for none.

    number: the deployment named on the command line; None means the one that the live deployment replaced.
    """
    live = find_live(deployments)
    if live is None:
        return "no deployment is live: there is nothing to roll back"
    wanted = find_default_target(live) if number is None else number
    if isinstance(wanted, str):
        return wanted
    target = next((each for each in deployments if each.deployment == wanted), None)
    if target is None:
        return f"there is no deployment {wanted}: `marquee deployments` lists them"
    if target.live_at is None:
        return f"deployment {wanted} was never live: choose one that was"
    if target.parts == live.parts:
        return f"deployment {live.deployment} is live with the parts of deployment {wanted} already"
    return target


def find_default_target(live: Deployment) -> int | str:
    """Return the deployment that the live one replaced, or a sentence that says why it is not the one to go back to."""
    if live.kind == "rollback":  # the one it replaced is the one that was rolled back
        return f"deployment {live.deployment} is a rollback already: name another one; `marquee deployments` lists them"
    return live.replaces or f"deployment {live.deployment} is the first one: there is none before it"


def find_kept(deployments: Sequence[Deployment], count: int) -> list[Deployment]:
    """Return the deployments whose parts are kept: the live one, the last `count` that were live, and unfinished ones."""
    been_live = [deployment for deployment in deployments if deployment.live_at is not None]
    unfinished = [deployment for deployment in deployments if deployment.live_at is None and deployment.ended_at is None]
    return [*been_live[-count:], *unfinished]


def find_needed(deployments: Sequence[Deployment], count: int, since: datetime) -> list[Deployment]:
    """Return the deployments whose model and snapshot are kept: those of find_kept, and those that were live after `since`.

    since: the age of the oldest receipt, because receipts are replayed from the model and the snapshot of their deployment.
    """
    kept = {deployment.deployment for deployment in find_kept(deployments, count)}
    return [
        deployment
        for deployment in deployments
        if deployment.deployment in kept or (deployment.live_at and deployment.ended_at and deployment.ended_at >= since)
    ]
