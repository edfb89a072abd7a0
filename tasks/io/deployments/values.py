"""The column values of a new row of table deployment."""

import getpass
import os
import socket
from datetime import date
from typing import Any

from tasks.core.deployment.choice import Choice
from tasks.core.deployment.record import Deployment
from tasks.io.deployments.settings import DeploymentSettings
from tasks.io.prediction_sets import PredictionSet


def describe_choice(choice: Choice, predictions: PredictionSet) -> dict[str, Any]:
    """Return the columns that name the parts of a choice and its predictions."""
    model, features = choice.model, choice.features
    return {
        "model_name": model.name,
        "model_version": model.version,
        "model_sha256": model.sha256,
        "release_sha256": model.release_sha256,
        "feature_set": features.feature_set,
        "snapshot_id": int(features.snapshot_id),
        "content_hash": features.content_hash,
        "schema_hash": features.schema_hash,
        "prediction_set": predictions.prediction_set,
        "day": date.fromisoformat(features.day),
    }


def describe_parts(deployment: Deployment) -> dict[str, Any]:
    """Return the columns that name the parts of an earlier deployment."""
    names = ("model_name", "model_version", "model_sha256", "release_sha256", "feature_set", "snapshot_id")
    return {name: getattr(deployment, name) for name in (*names, "content_hash", "schema_hash", "prediction_set", "day")}


def describe_deed(
    settings: DeploymentSettings, kind: str, reason: str, replaces: Deployment | None, person: str | None = None
) -> dict[str, Any]:
    """Return the columns kind, reason, made_by, images and replaces.

    person: user@host of the caller, for a process in a container, where the user and the host are the container's.
    """
    made_by = settings.task_attempt or person or f"{read_user()}@{socket.gethostname()}"
    return {
        "kind": kind,
        "reason": reason,
        "made_by": made_by,
        "images": parse_image(settings.task_image),
        "replaces": replaces.deployment if replaces else None,
    }


def parse_image(task_image: str | None) -> dict[str, str | None] | None:
    """Return the image's digest by its name, the digest None if it is not known; None for a task in a process."""
    if not task_image:
        return None
    name, _, digest = task_image.rpartition("@")
    return {name: digest} if name else {task_image: None}


def read_user() -> str:
    """Return the user's name, or the user's number if the system has no name for it, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
