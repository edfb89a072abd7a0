"""The published prediction of a movie, which answers without features and tells a lost row from an unknown movie."""

import logging

from serving.core.errors import LostFeatures, NoPredictionSet, PredictionError, UnknownMovie
from serving.core.requested_id import RequestedId
from serving.deployments.deployment import Deployment
from serving.prediction_set.database import PublishedMovie

log = logging.getLogger("serving.prediction.published")


def find_published(requested_id: RequestedId, deployment: Deployment) -> PublishedMovie | None:
    """Return the deployment's published prediction of the movie, if there is one. Raise NoPredictionSet."""
    return deployment.predictions.find(requested_id) if deployment.predictions is not None else None


def find_cause(error: PredictionError, requested_id: RequestedId, deployment: Deployment) -> PredictionError:
    """Return LostFeatures for an UnknownMovie with a published prediction; return any other error unchanged."""
    if not isinstance(error, UnknownMovie):
        return error
    try:
        published = find_published(requested_id, deployment)
    except NoPredictionSet as unreadable:
        log.error("%s", unreadable)
        return error
    if published is None:
        return error
    return LostFeatures(f"the features of movie {requested_id} are missing from feature set {deployment.record.features.name}")
