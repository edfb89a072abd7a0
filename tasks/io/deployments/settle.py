"""The first step of every verb that deploys: repair an interrupted deployment, and adopt live parts that have no record."""

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
    """Bring the record and the pointer into step, then return all deployments. lease: the one that all deploying verbs share."""
    heal(settings, redis, lease)
    with connect(settings) as conn:
        deployments = read_deployments(conn)
    if find_live(deployments) is not None:
        return deployments
    adopt(settings, redis, deployments, lease)
    with connect(settings) as conn:
        return read_deployments(conn)
