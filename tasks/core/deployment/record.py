"""The record of a deployment: a model, a feature set and a prediction set that go live together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Deployment:
    """A row of the table deployment."""

    deployment: int
    kind: str
    """deploy, rollback, adopted (live before the table existed) or alias (the alias was moved by hand)."""
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
    """The day of the feature set."""
    reason: str
    made_by: str
    made_at: datetime
    replaces: int | None
    live_at: datetime | None
    """The time when the pointer was found to name this deployment; None before."""
    ended_at: datetime | None
    ended_how: str | None
    """replaced, rolled back or abandoned."""
    alias_at: datetime | None
    """The time when MLflow's alias was set for this deployment; None before."""
    images: Mapping[str, str | None] | None = None
    """The digest of the deploying task's image by its name, None if it is not known; no mapping if the task was a process."""

    @property
    def parts(self) -> tuple[str, str, str]:
        """Return the version, the feature set and the prediction set; deployments with equal parts serve the same."""
        return self.model_version, self.feature_set, self.prediction_set

    @property
    def is_live(self) -> bool:
        return self.live_at is not None and self.ended_at is None


@dataclass(frozen=True)
class Model:
    """A version of the registered model that can be served, because it has both digests."""

    name: str
    version: str
    sha256: str
    """The sha256 of model.onnx."""
    release_sha256: str
    """The sha256 of release.json."""
    schema_hash: str
    passed: bool
    """True if the promotion gate let this version pass."""
