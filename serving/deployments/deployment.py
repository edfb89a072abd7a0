"""A deployment in memory."""

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
    """An immutable deployment in memory; a request uses the same one from start to end.

    A part that could not be loaded is None: half a deployment is served only when nothing else can be. `predictions` is also
    None without S3_BUCKET.
    """

    record: DeploymentRecord
    provenance: Provenance
    model: ServedModel | None
    predictions: PredictionDatabase | None
    problems: Mapping[str, str]
    """Reason for a missing part, by `model` or `predictions`; empty for a complete deployment."""
    probe_ids: tuple[RequestedId, ...]
    """Sample of its movies; each must have a row in Redis."""

    @property
    def id(self) -> int:
        """Return the id of the row in the table `deployment`."""
        return self.record.id


def make_provenance(record: DeploymentRecord) -> Provenance:
    """Return the provenance that answers and receipts name for this deployment."""
    return Provenance(
        deployment=record.id,
        model_name=record.model.name,
        model_version=record.model.version,
        model_sha256=record.model.sha256,
        release_sha256=record.model.release_sha256,
        feature_set=record.features.name,
        snapshot_id=record.features.snapshot_id,
    )
