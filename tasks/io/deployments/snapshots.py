"""Tells people that the offline snapshot of a deployment's feature set was removed."""

import logging

from tasks.core.deployment.record import Deployment
from tasks.core.errors import Unavailable
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect

log = logging.getLogger("tasks.deployments")


def warn_if_snapshot_is_gone(settings: DeploymentSettings, deployment: Deployment) -> None:
    """Log the consequences of a missing snapshot. The API needs only Redis and the predictions, so the deployment stays live.

    Call it after the flip, so that going live does not wait for the offline store.
    """
    from tasks.io.feast import offline_store  # noqa: PLC0415  # the import takes a second, and what goes live need not wait for it

    with connect(settings) as conn:
        features, _, _ = feature_sets.read_feature_set(conn, deployment.feature_set)
    try:
        with offline_store.reachable():
            is_there = offline_store.has_snapshot(offline_store.open_table(), features.snapshot_id)
    except Unavailable as error:
        log.warning("cannot check whether snapshot %s of the live features still exists: %s", features.snapshot_id, error)
        return
    if not is_there:
        log.warning(
            "deployment %d is live, but the offline store has no snapshot %s, of its feature set %s: if Redis loses rows, they"
            " cannot be written again; a new model cannot predict them; their answers cannot be replayed. Publish newer features:"
            " run refresh_movies",
            *(deployment.deployment, features.snapshot_id, features.feature_set),
        )
