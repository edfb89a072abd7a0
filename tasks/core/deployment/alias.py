"""The rule for MLflow's alias `champion`: it follows the live deployment; moving it by hand makes a new deployment."""

from collections.abc import Sequence
from enum import Enum

from tasks.core.deployment.record import Deployment, Model


class AliasAction(Enum):
    """The actions on the alias."""

    KEEP = "keep"
    SET = "set"
    """The alias was not set for this deployment yet, or somebody deleted it."""
    DEPLOY = "deploy"
    """A person moved it to a version that fits the live features."""
    PUT_BACK = "put back"
    """A person moved it to a version that cannot be served with the live features."""


def decide_alias(live: Deployment, alias: str | None, models: Sequence[Model]) -> tuple[AliasAction, str]:
    """Return the action and its reason. alias: the version that MLflow's alias names, None when there is no alias."""
    if all(model.version != live.model_version for model in models):
        return AliasAction.KEEP, (
            f"MLflow has no version {live.model_version} any more, so no alias can name it:"
            " run train_model for another one, or `marquee rollback`"
        )
    if alias == live.model_version and live.alias_at is not None:
        return AliasAction.KEEP, f"the alias names version {alias}, as deployment {live.deployment} does"
    if live.alias_at is None or alias is None:
        return AliasAction.SET, "it was deleted" if live.alias_at else f"it was not set yet for deployment {live.deployment}"
    model = next((model for model in models if model.version == alias), None)
    if model is None:
        return AliasAction.PUT_BACK, f"version {alias} has no digests of a model and a release.json, and cannot be served"
    if model.schema_hash != live.schema_hash:
        return AliasAction.PUT_BACK, f"version {alias} was trained on other features than are live"
    return AliasAction.DEPLOY, f"the alias champion was moved by hand to version {alias}"
