"""The provenance of an answer; all answers of a deployment share one object."""

from typing import NamedTuple


class Provenance(NamedTuple):
    """The deployment, its model and its feature set, under the names that answers and receipts use."""

    deployment: int
    """Id of the row in the table `deployment`."""
    model_name: str
    model_version: str
    model_sha256: str
    """Digest of model.onnx."""
    release_sha256: str
    """Digest of release.json."""
    feature_set: str
    """The Feast project of its online rows."""
    snapshot_id: str
    """The Iceberg snapshot of the offline table that the feature set was published from."""
