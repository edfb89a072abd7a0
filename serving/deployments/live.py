"""The deployments in memory, one of which is live."""

import logging
from dataclasses import dataclass

from serving.core.errors import NoDeployment, NoModel, NoPredictionSet
from serving.deployments.deployment import Deployment, ServedModel
from serving.prediction_set.database import PredictionDatabase

log = logging.getLogger("serving.deployments")

KEPT = 2
"""Maximum deployments in memory: the live one and the previous one, so that a rollback loads nothing."""


@dataclass(frozen=True, slots=True)
class RejectedDeployment:
    """A deployment that the Redis key names but that is not served, with the reason."""

    id: int
    reason: str


class LiveDeployments:
    """The live deployment, which is always replaced as a whole, and the reason when a newer one is not served."""

    def __init__(self, has_bucket: bool) -> None:
        self._has_bucket = has_bucket
        self.deployments: dict[int, Deployment] = {}
        """Deployments in memory by id, the live one last."""
        self.live: Deployment | None = None
        self.rejected: RejectedDeployment | None = None
        self.rejections = 0
        self.trouble = "Redis has not been read yet"
        """Reason why the live deployment cannot be looked up or loaded now, or ''."""

    def require_model(self) -> tuple[Deployment, ServedModel]:
        """Return the live deployment and its model. Raise NoDeployment or NoModel."""
        deployment = self.live
        if deployment is None:
            raise NoDeployment(self._explain_absence())
        if deployment.model is None:
            raise NoModel(f"the model of deployment {deployment.id} is not loaded: it could not be fetched or did not verify")
        return deployment, deployment.model

    def require_predictions(self) -> PredictionDatabase:
        """Return the prediction database of the live deployment. Raise NoPredictionSet."""
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
        """Return the reason why no deployment is loaded, as a text for callers, without internal addresses."""
        if self.rejected is not None:
            return f"no deployment is loaded: deployment {self.rejected.id} did not verify"
        if self.trouble:
            return "no deployment is loaded: it cannot be read or fetched now, and none is on disk"
        return "nothing is deployed yet; run the DAGs refresh_movies and train_model"

    def close(self) -> None:
        """Close all prediction databases when the service ends."""
        self.live, closing = None, list(self.deployments.values())
        self.deployments.clear()
        for deployment in closing:
            self._close(deployment)

    def _swap(self, deployment: Deployment) -> None:
        """Make this deployment the live one. Nothing is awaited here, so each request sees the old or the new deployment."""
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
        """Close its prediction database unless another deployment in memory uses the same one."""
        predictions = deployment.predictions
        if predictions is not None and all(other.predictions is not predictions for other in self.deployments.values()):
            predictions.close()
