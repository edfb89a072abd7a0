"""The pointer to the live deployment: the JSON value of the Redis key marquee:deployment, which the API and infra read."""

import json
from collections.abc import Mapping
from typing import Any

from tasks.core.deployment.record import Deployment
from tasks.core.features.feature_set import FeatureSet


def render_pointer(deployment: Deployment, features: FeatureSet, predictions: Mapping[str, Any]) -> bytes:
    """Return the key's value, always with all three parts: model, features and predictions.

    predictions: database_key, database_sha256, database_bytes and movies of the prediction set. The same deployment and parts
    give the same bytes.
    """
    return json.dumps(
        {
            "deployment": deployment.deployment,
            "made_at": deployment.made_at.isoformat(),
            "model": {
                "name": deployment.model_name,
                "version": deployment.model_version,
                "sha256": deployment.model_sha256,
                "release_sha256": deployment.release_sha256,
            },
            "features": {
                "feature_set": deployment.feature_set,
                "snapshot_id": str(deployment.snapshot_id),
                "content_hash": deployment.content_hash,
                "schema_hash": deployment.schema_hash,
                "movies": features.movies,
                "day": features.day,
                "published_at": features.published_at,
            },
            "predictions": {
                "prediction_set": deployment.prediction_set,
                **predictions,
                "day": features.day,
            },
        }
    ).encode()


def read_number(pointer: bytes | None) -> int | None:
    """Return the number of the deployment that the key names; None when the key is gone or has another format."""
    if pointer is None:
        return None
    try:
        number = json.loads(pointer)["deployment"]
    except (ValueError, KeyError, TypeError):
        return None
    return number if isinstance(number, int) else None
