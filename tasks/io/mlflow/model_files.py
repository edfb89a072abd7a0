"""Reads the model file of a registered version from MLflow."""

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import RestException

from tasks.io.mlflow.registry import MODEL


def read_model(client: MlflowClient, version: str) -> bytes | None:
    """Return the version's model.onnx, or None if there is no such version."""
    try:
        client.get_model_version(MODEL, version)
    except RestException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    with TemporaryDirectory() as folder:
        return Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}/model.onnx", dst_path=folder)).read_bytes()
