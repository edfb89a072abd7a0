"""release.json as training writes it, for models of the tests."""

import hashlib
import json
import math

import numpy as np
import onnxruntime

SCHEMA_HASH = "5" * 64
GOLDEN_ROWS = 4


def make_release(model: bytes, **changes: object) -> bytes:
    """The release of a model file; golden rows are noise, one of them all unknown. A model that gives no number gets none."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = json.loads(session.get_modelmeta().custom_metadata_map["features"])
    rows = np.random.default_rng(3).normal(size=(GOLDEN_ROWS, len(names))).astype(np.float32)
    rows[0] = np.nan
    ratings = np.asarray(session.run(None, {"features": rows})[0], dtype=np.float64).ravel().tolist()
    release = {
        "model": "movie-rating",
        "files": {"model.onnx": hashlib.sha256(model).hexdigest()},
        "feature_service": "pre_release",
        "feature_set": "movies_20261122_aaaaaaaaaaaa",
        "schema_hash": SCHEMA_HASH,
        "training_snapshot": "7301",
        "training_day": "2026-11-22",
        "training_id": "training",
        "metrics": {"test_rmse": 0.8},
        "ranges": {name: [-3.0, 3.0] for name in names},
        "golden": {
            "features": [[None if math.isnan(value) else value for value in row] for row in rows.tolist()],
            "ratings": [0.0 if math.isnan(rating) else rating for rating in ratings],
        },
    }
    return json.dumps(release | changes, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
