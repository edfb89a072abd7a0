"""What every verb that deploys begins with: adopt what is live without a record, and finish what a kill cut short."""

from redis import Redis

from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment
from tasks.io.deployments.adopt import adopt
from tasks.io.deployments.flip import heal
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import Lease


def settle(settings: DeploymentSettings, redis: Redis, lease: Lease) -> list[Deployment]:
    """Return all deployments, the record and the pointer being in step; the lease is the one of all verbs that deploy."""
    heal(settings, redis, lease)
    with connect(settings) as conn:
        deployments = read_deployments(conn)
    if find_live(deployments) is not None:
        return deployments
    adopt(settings, redis, deployments, lease)
    with connect(settings) as conn:
        return read_deployments(conn)
