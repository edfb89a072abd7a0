"""What an answer was made of; one object for all answers of a deployment."""

from typing import NamedTuple


class Provenance(NamedTuple):
    """The deployment, its model and its feature set, as answers and receipts name them."""

    deployment: int
    """The row of the table `deployment`."""
    model_name: str
    model_version: str
    model_sha256: str
    """Of model.onnx."""
    release_sha256: str
    """Of release.json."""
    feature_set: str
    """The Feast project of its online rows."""
    snapshot_id: str
    """The Iceberg snapshot of the offline table that the feature set was published from."""
