"""One deployment, loaded."""

from collections.abc import Mapping
from dataclasses import dataclass

from serving.core.provenance import Provenance
from serving.core.requested_id import RequestedId
from serving.deployments.pointer import DeploymentRecord
from serving.features.movie_row import RowQuery
from serving.models.onnx_model import OnnxModel
from serving.models.reference import ModelReference
from serving.models.release_record import ReleaseRecord
from serving.prediction_set.database import PredictionDatabase


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A verified model, and the query that reads its features in its own column order."""

    reference: ModelReference
    record: ReleaseRecord
    onnx: OnnxModel
    query: RowQuery


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment in memory, never changed; a request keeps the one that it started with.

    A part is None only when there was nothing whole to serve at the start, so that half of it was better than nothing.
    """

    record: DeploymentRecord
    provenance: Provenance
    model: ServedModel | None
    predictions: PredictionDatabase | None
    problems: Mapping[str, str]
    """Why a part is missing, by `model` or `predictions`; empty for a whole deployment."""
    probe_ids: tuple[RequestedId, ...]
    """Some of its movies: a row of each must be in Redis."""

    @property
    def id(self) -> int:
        """The row of the table `deployment`."""
        return self.record.id


def make_provenance(record: DeploymentRecord) -> Provenance:
    """Return what answers and receipts say of the deployment."""
    return Provenance(
        deployment=record.id,
        model_name=record.model.name,
        model_version=record.model.version,
        model_sha256=record.model.sha256,
        release_sha256=record.model.release_sha256,
        feature_set=record.features.name,
        snapshot_id=record.features.snapshot_id,
    )
