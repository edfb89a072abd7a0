"""release.json, in which training records the model that it registered, and the check of a model against it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from serving.models.onnx_model import FEATURE_SERVICE, ModelRejected, OnnxModel

RELEASE_FILE, MODEL_FILE = "release.json", "model.onnx"
GOLDEN_TOLERANCE = 1e-4
"""Maximum difference of a golden row's rating, in rating points; training allows the same difference for the export."""


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """The parts of release.json that serving reads."""

    sha256: str
    """Digest of release.json itself, which identifies the release."""
    files: Mapping[str, str]
    """sha256 of each file of the release."""
    feature_set: str
    """Feature set that was live when the model was trained."""
    schema_hash: str
    """Hash of the feature service's names and types; the model reads only feature sets with the same hash."""
    ranges: Mapping[str, tuple[float, float]]
    """Lowest and highest known value of each feature among the training rows."""
    golden_features: Sequence[Sequence[float | None]]
    """Rows in the model's column order; null is unknown."""
    golden_ratings: Sequence[float]
    """Ratings of the golden rows by the exported model."""


def parse_release(body: bytes) -> ReleaseRecord:
    """Parse release.json. Raise ModelRejected naming what is wrong."""
    try:
        fields = orjson.loads(body)
        record = ReleaseRecord(
            sha256=hashlib.sha256(body).hexdigest(),
            files={str(name): str(digest) for name, digest in fields["files"].items()},
            feature_set=str(fields["feature_set"]),
            schema_hash=str(fields["schema_hash"]),
            ranges={str(name): (float(low), float(high)) for name, (low, high) in fields["ranges"].items()},
            golden_features=fields["golden"]["features"],
            golden_ratings=[float(rating) for rating in fields["golden"]["ratings"]],
        )
        service = fields["feature_service"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelRejected(f"{RELEASE_FILE} is not a release: {error!r}") from None
    if service != FEATURE_SERVICE:
        raise ModelRejected(f"{RELEASE_FILE} names the feature service {service!r}, not {FEATURE_SERVICE!r}")
    if MODEL_FILE not in record.files:
        raise ModelRejected(f"{RELEASE_FILE} names the files {sorted(record.files)}, but not {MODEL_FILE}")
    if not record.schema_hash or not record.golden_ratings:
        raise ModelRejected(f"{RELEASE_FILE} lacks its schema_hash or its golden rows")
    return record


def check_golden(model: OnnxModel, record: ReleaseRecord) -> None:
    """Run the golden rows. Raise ModelRejected unless each gets the rating that training recorded."""
    try:
        rows = np.array(record.golden_features, dtype=np.float32)  # None becomes NaN
    except (ValueError, TypeError) as error:
        raise ModelRejected(f"its golden rows are not numbers: {error}") from None
    if rows.shape != (len(record.golden_ratings), len(model.features)):
        raise ModelRejected(f"its golden rows have shape {rows.shape} for {len(model.features)} features")
    outputs = model.run(rows)
    if len(outputs) != len(rows):
        raise ModelRejected(f"it answers {len(outputs)} ratings for {len(rows)} golden rows")
    off = np.abs(outputs - np.array(record.golden_ratings))
    if not off.max() <= GOLDEN_TOLERANCE:  # NaN too
        wrong = int(np.argmin(off <= GOLDEN_TOLERANCE))
        expected = record.golden_ratings[wrong]
        raise ModelRejected(f"golden row {wrong} is rated {outputs[wrong]:.6g}, and training saw {expected:.6g}")
