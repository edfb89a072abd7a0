"""The pointer to the live deployment: the JSON value of the Redis key marquee:deployment, which the API and infra read."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from tasks.core.deployment.record import Deployment
from tasks.core.features.feature_set import FeatureSet


def render_pointer(
    deployment: Deployment, features: FeatureSet, predictions: Mapping[str, Any], world_day: date | None = None
) -> bytes:
    """Return the key's value, always with all three parts: model, features and predictions.

    predictions: database_key, database_sha256, database_bytes and movies of the prediction set. world_day: today in the sample's
    world, by which readers tell the age of the features; None for real sources, whose today is the reader's. The same
    deployment, parts and world's day give the same bytes.
    """
    return json.dumps(
        {
            "deployment": deployment.deployment,
            "made_at": deployment.made_at.isoformat(),
            "world_day": world_day.isoformat() if world_day else None,
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


def read_world_day(pointer: bytes | None) -> str | None:
    """Return the world's day in the key, YYYY-MM-DD; None without a key or a world."""
    if pointer is None:
        return None
    try:
        return str(json.loads(pointer)["world_day"] or "") or None
    except (ValueError, KeyError, TypeError):
        return None


def read_number(pointer: bytes | None) -> int | None:
    """Return the number of the deployment that the key names; None when the key is gone or has another format."""
    if pointer is None:
        return None
    try:
        number = json.loads(pointer)["deployment"]
    except (ValueError, KeyError, TypeError):
        return None
    return number if isinstance(number, int) else None
