"""Deployments, models and feature sets of a test's own."""

from datetime import UTC, date, datetime
from typing import Any

from tasks.core.deployment.record import Deployment, Model
from tasks.core.features.feature_set import FeatureSet

NOW = datetime(2026, 11, 26, 3, 10, tzinfo=UTC)


def make_deployment(number: int, **fields: Any) -> Deployment:
    """A deployment that was live and was replaced, of version 1 and feature set F1; `live=True` for the live one."""
    live = fields.pop("live", False)
    usual: dict[str, Any] = {
        "deployment": number,
        "kind": "deploy",
        "model_name": "movie-rating",
        "model_version": "1",
        "model_sha256": "m",
        "release_sha256": "r",
        "feature_set": "F1",
        "snapshot_id": 8541223904412345678,
        "content_hash": "c",
        "schema_hash": "s",
        "prediction_set": f"P{fields.get('model_version', 1)}{fields.get('feature_set', 'F1')}",
        "day": date(2026, 11, int(fields.get("feature_set", "F1")[1:])),
        "reason": "because",
        "made_by": "someone@somewhere",
        "made_at": NOW,
        "replaces": number - 1 or None,
        "live_at": NOW,
        "ended_at": None if live else NOW,
        "ended_how": None if live else "replaced",
        "alias_at": NOW,
    }
    return Deployment(**usual | fields)


def make_model(version: int, **fields: Any) -> Model:
    usual: dict[str, Any] = {
        "name": "movie-rating",
        "version": str(version),
        "sha256": "m",
        "release_sha256": "r",
        "schema_hash": "s",
        "passed": True,
    }
    return Model(**usual | fields)


def make_features(number: int, **fields: Any) -> FeatureSet:
    """Feature set F<number>, of that day of November."""
    usual: dict[str, Any] = {
        "feature_set": f"F{number}",
        "snapshot_id": "8541223904412345678",
        "content_hash": "c",
        "movies": 3,
        "day": f"2026-11-{number:02d}",
        "published_at": f"2026-11-{number:02d}T03:00:00+00:00",
        "schema_hash": "s",
    }
    return FeatureSet(**usual | fields)
