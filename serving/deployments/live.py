"""The deployments in memory, and the one that answers."""

import logging
from dataclasses import dataclass

from serving.core.errors import NoDeployment, NoModel, NoPredictionSet
from serving.deployments.deployment import Deployment, ServedModel
from serving.prediction_set.database import PredictionDatabase

log = logging.getLogger("serving.deployments")

KEPT = 2
"""Deployments in memory: the live one and the one before, so that going back loads nothing."""


@dataclass(frozen=True, slots=True)
class RejectedDeployment:
    """The deployment that the key names and that is not served, and why."""

    id: int
    reason: str


class LiveDeployments:
    """Holds `live`, which is only ever replaced as a whole, and why it is not another one."""

    def __init__(self, has_bucket: bool) -> None:
        self._has_bucket = has_bucket
        self.deployments: dict[int, Deployment] = {}
        """All that are in memory, by id, the live one last."""
        self.live: Deployment | None = None
        self.rejected: RejectedDeployment | None = None
        self.rejections = 0
        self.trouble = "Redis was not asked yet"
        """Why the live deployment cannot be looked up or loaded now, or ''."""

    def require_model(self) -> tuple[Deployment, ServedModel]:
        """Return the live deployment and its model. Raise NoDeployment or NoModel."""
        deployment = self.live
        if deployment is None:
            raise NoDeployment(self._explain_absence())
        if deployment.model is None:
            raise NoModel(f"the model of deployment {deployment.id} is not loaded: it could not be fetched or did not verify")
        return deployment, deployment.model

    def require_predictions(self) -> PredictionDatabase:
        """Return the prediction database that is searched. Raise NoPredictionSet."""
        if self.live is not None and self.live.predictions is not None:
            return self.live.predictions
        if not self._has_bucket:
            raise NoPredictionSet("there is no prediction set: S3_BUCKET is not set")
        if self.live is None:
            raise NoPredictionSet(f"there is no prediction set: {self._explain_absence()}")
        raise NoPredictionSet(
            f"the prediction set of deployment {self.live.id} is not loaded: it could not be fetched or did not verify"
        )

    def _explain_absence(self) -> str:
        """Return why nothing is deployed, for a caller: what to do, and nothing about our addresses."""
        if self.rejected is not None:
            return f"no deployment is loaded: deployment {self.rejected.id} did not verify"
        if self.trouble:
            return "no deployment is loaded: it cannot be read or fetched now, and none is on disk"
        return "nothing is deployed yet; run the DAGs refresh_movies and train_model"

    def close(self) -> None:
        """Close the files; for the end of the service."""
        self.live, closing = None, list(self.deployments.values())
        self.deployments.clear()
        for deployment in closing:
            self._close(deployment)

    def _swap(self, deployment: Deployment) -> None:
        """Answer from this deployment from now on; nothing is awaited, so each request sees the old or the new one whole."""
        self.live = deployment
        self.deployments.pop(deployment.id, None)
        self.deployments[deployment.id] = deployment
        while len(self.deployments) > KEPT:
            self._close(self.deployments.pop(next(iter(self.deployments))))
        record = deployment.record
        log.info(
            "deployment %d is live: model version %s, feature set %s of %s, prediction set %s",
            *(record.id, record.model.version, record.features.name, record.features.day, record.predictions.name),
            extra={"deployment": record.id},
        )

    def _close(self, deployment: Deployment) -> None:
        """Close its prediction database unless another deployment in memory has the same."""
        predictions = deployment.predictions
        if predictions is not None and all(other.predictions is not predictions for other in self.deployments.values()):
            predictions.close()
