"""The candidates for the next deployment, read from Postgres and MLflow, and the choice among them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tasks.core.deployment.choice import Choice, choose_features, choose_model
from tasks.core.deployment.history import find_live, find_out_of_service
from tasks.core.deployment.record import Deployment, Model
from tasks.core.features.feature_set import FeatureSet
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments

CHOOSERS: dict[str, Callable[..., Choice | str]] = {"features": choose_features, "model": choose_model}
"""The choice to make, by the part that a DAG has prepared."""


@dataclass(frozen=True)
class Candidates:
    """All recorded deployments, the models that can be served and the feature sets that are ready."""

    deployments: list[Deployment]
    models: list[Model]
    feature_sets: list[FeatureSet]

    @property
    def live(self) -> Deployment | None:
        return find_live(self.deployments)


def read_candidates(settings: DeploymentSettings) -> Candidates:
    """Read the candidates; raise Unavailable if Postgres or MLflow does not answer."""
    with connect(settings) as conn:
        deployments, sets = read_deployments(conn), feature_sets.read_ready(conn)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        models = registry.read_models(client)
    return Candidates(deployments, models, sets)


def read_live(settings: DeploymentSettings) -> Deployment | None:
    """Return the live deployment, or None before the first."""
    with connect(settings) as conn:
        return find_live(read_deployments(conn))


def choose(settings: DeploymentSettings, day: date, part: str) -> Choice | str:
    """Return the model and the feature set to deploy after `part` was prepared, or a sentence with the reason for none."""
    found = read_candidates(settings)
    out = find_out_of_service(found.deployments)
    return CHOOSERS[part](day, found.live, found.models, found.feature_sets, out)
