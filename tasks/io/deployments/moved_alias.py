"""Handles MLflow's alias `champion` after a person moved it by hand."""

import logging

from redis import Redis

from tasks.core.deployment.alias import AliasAction, decide_alias
from tasks.core.deployment.choice import Choice
from tasks.core.deployment.record import Deployment, Model
from tasks.core.errors import BadInput
from tasks.io.deployments.checks import check_parts
from tasks.io.deployments.flip import flip, set_alias
from tasks.io.deployments.predictions import make_predictions
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.deployments.values import describe_choice, describe_deed
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease

log = logging.getLogger("tasks.deployments")


def handle_moved_alias(settings: DeploymentSettings, redis: Redis, live: Deployment, lease: Lease) -> tuple[AliasAction, str]:
    """Deploy the version that the alias was moved to, or put the alias back; return the action and its reason.

    The actions on an alias that nobody moved, KEEP and SET, are left to the caller.
    """
    action, reason, model = read_alias_action(settings, live)
    if action is AliasAction.DEPLOY and model is not None:
        deploy_alias(settings, redis, live, model, lease)
    if action is AliasAction.PUT_BACK:
        put_back(settings, live, reason, lease)
    return action, reason


def read_alias_action(settings: DeploymentSettings, live: Deployment) -> tuple[AliasAction, str, Model | None]:
    """Return the action, its reason, and the model that the alias names, None if it names none that can be served."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        models, alias = registry.read_models(client), registry.read_alias(client)
    return *decide_alias(live, alias, models), next((model for model in models if model.version == alias), None)


def deploy_alias(settings: DeploymentSettings, redis: Redis, live: Deployment, model: Model, lease: Lease) -> None:
    """Deploy the version that the alias was moved to, with the live features; put the alias back if that is not possible."""
    with connect(settings) as conn:
        features, _, _ = feature_sets.read_feature_set(conn, live.feature_set)
    choice = Choice(model, features)
    try:
        parts = describe_choice(choice, make_predictions(settings, choice, lease))
        missing = check_parts(settings, redis, parts)
    except BadInput as error:
        missing = [f"version {model.version}: {error}"]
    if missing:
        put_back(settings, live, "; ".join(missing), lease)
        return
    reason = f"the alias champion was moved by hand to version {model.version}"
    flip(settings, redis, {**parts, **describe_deed(settings, "alias", reason, live)}, lease)


def put_back(settings: DeploymentSettings, live: Deployment, reason: str, lease: Lease) -> None:
    set_alias(settings, live, lease)
    log.warning("the alias champion is put back to version %s: %s", live.model_version, reason)
