"""Chooses the parts of the next deployment and predicts with them; refuses a version whose outputs are not ratings."""

import logging
from datetime import date

from tasks.core.deployment.choice import Choice
from tasks.core.errors import BadModel
from tasks.io.deployments.candidates import choose, read_live
from tasks.io.deployments.predictions import make_predictions
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.mlflow import registry
from tasks.io.postgres.lease import Lease
from tasks.io.prediction_sets import PredictionSet

log = logging.getLogger("tasks.deployments")


def prepare(settings: DeploymentSettings, day: date, part: str, lease: Lease) -> tuple[Choice, PredictionSet] | str:
    """Return the next deployment's model, features and predictions, or a sentence with the reason for none.

    A version that does not rate every movie from 1 to 10 loses its pass of the promotion gate, and the next best candidate is
    chosen. Raise BadModel if that version is live: the newer features then wait for another version.
    """
    while True:
        chosen = choose(settings, day, part)
        if isinstance(chosen, str):
            return chosen
        try:
            return chosen, make_predictions(settings, chosen, lease)
        except BadModel as error:
            version, live = chosen.model.version, read_live(settings)
            if live is not None and live.model_version == version:
                raise BadModel(
                    f"{error}. Version {version} is live and stays so with its own features; feature set"
                    f" {chosen.features.feature_set} waits for another version: run train_model"
                ) from error
            with registry.connect(settings.mlflow_tracking_uri) as client, lease.held():
                registry.refuse(client, version, str(error))
            log.warning("version %s is refused and not deployed: %s", version, error)
