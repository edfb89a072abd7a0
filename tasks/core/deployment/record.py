"""One deployment: the model, the feature set and the predictions that are live together, or were."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Deployment:
    """A row of the table deployment."""

    deployment: int
    kind: str
    """deploy, rollback, adopted or alias."""
    model_name: str
    model_version: str
    model_sha256: str
    release_sha256: str
    feature_set: str
    snapshot_id: int
    content_hash: str
    schema_hash: str
    prediction_set: str
    day: date
    """Of the feature set."""
    reason: str
    made_by: str
    made_at: datetime
    replaces: int | None
    live_at: datetime | None
    """None until the pointer was seen to name this deployment."""
    ended_at: datetime | None
    ended_how: str | None
    """replaced, rolled back or abandoned."""
    alias_at: datetime | None
    """When MLflow's alias was set for it; None when that is still to be done."""

    @property
    def parts(self) -> tuple[str, str, str]:
        """Return the version, the feature set and the prediction set, which tell two deployments apart."""
        return self.model_version, self.feature_set, self.prediction_set

    @property
    def is_live(self) -> bool:
        return self.live_at is not None and self.ended_at is None


@dataclass(frozen=True)
class Model:
    """A version of the registered model that can be served: it has both digests."""

    name: str
    version: str
    sha256: str
    """Of model.onnx."""
    release_sha256: str
    """Of release.json."""
    schema_hash: str
    passed: bool
    """The promotion gate let it pass."""
