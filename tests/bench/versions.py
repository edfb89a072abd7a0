"""Further versions of the champion for the benches: its trees, shifted, so that a rating identifies its version."""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import mlflow
import numpy as np
import onnx
import onnxruntime
from mlflow import MlflowClient

MODEL, ALIAS = "movie-rating", "champion"
DEFAULT_EXPERIMENT = "0"
"""Exists on every tracking server; the client may remember an experiment of another server."""
DECIMALS = 4
Rows = Mapping[str, Mapping[str, float | None]]


def connect(tracking_uri: str) -> MlflowClient:
    # By default MLflow sends its clients to the bucket itself, whose address in containers is of their own network.
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "false"
    mlflow.set_tracking_uri(tracking_uri)
    return MlflowClient()


def read_champion(client: MlflowClient) -> tuple[str, bytes, dict[str, object]]:
    """Return version, model and release.json of the champion."""
    version = client.get_model_version_by_alias(MODEL, ALIAS)
    with open(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version.version}/model.onnx"), "rb") as file:
        model = file.read()
    return str(version.version), model, json.loads(mlflow.artifacts.load_text(f"runs:/{version.run_id}/release.json"))


def shift(model: bytes, points: float) -> bytes:
    """Return the model with every rating higher by `points`."""
    graph = onnx.load_from_string(model)
    (trees,) = [node for node in graph.graph.node if node.op_type == "TreeEnsembleRegressor"]
    (base,) = [attribute for attribute in trees.attribute if attribute.name == "base_values"]
    base.floats[0] += points
    return bytes(graph.SerializeToString())


def rate(model: bytes, rows: Rows) -> dict[str, float]:
    """Return the model's rating of each movie, rounded as the API does."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = json.loads(session.get_modelmeta().custom_metadata_map["features"])
    matrix = np.array([[row[name] for name in names] for row in rows.values()], np.float32)
    outputs = np.asarray(session.run(None, {"features": matrix})[0], np.float64).ravel()
    return {movie: round(float(output), DECIMALS) for movie, output in zip(rows, outputs, strict=True)}


def register(client: MlflowClient, model: bytes, release: Mapping[str, object]) -> str:
    """Register a version as training does, its golden rows rated anew; returns its number. It is not champion yet."""
    golden = release["golden"]
    assert isinstance(golden, dict)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"features": np.array(golden["features"], np.float32)})[0]
    fresh = dict(release) | {
        "files": {"model.onnx": hashlib.sha256(model).hexdigest()},
        "golden": golden | {"ratings": np.asarray(outputs, np.float64).ravel().tolist()},
    }
    text = json.dumps(fresh, sort_keys=True, separators=(",", ":"), allow_nan=False)
    tags = {
        f"sha256.{name}": hashlib.sha256(body).hexdigest()
        for name, body in (("model.onnx", model), ("release.json", text.encode()))
    } | {"schema_hash": str(release["schema_hash"]), "gate": "passed"}
    with warnings.catch_warnings(), mlflow.start_run(experiment_id=DEFAULT_EXPERIMENT) as run:
        warnings.simplefilter("ignore")  # MLflow's client warns of itself
        mlflow.log_text(text, "release.json")
        graph = onnx.load_from_string(model)
        logged = mlflow.onnx.log_model(graph, name="onnx", save_as_external_data=False, pip_requirements=["onnxruntime"])
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    made = client.create_model_version(MODEL, logged.model_uri, run.info.run_id, tags=tags, model_id=logged.model_id)
    return str(made.version)


def read_digests(client: MlflowClient, version: str) -> dict[str, str]:
    """Return the part `model` of a deployment of this version."""
    tags = client.get_model_version(MODEL, version).tags
    digests = {"sha256": tags["sha256.model.onnx"], "release_sha256": tags["sha256.release.json"]}
    return {"name": MODEL, "version": version, **digests}


@dataclass
class Live:
    """The model version of the live deployment, and the history of the versions that were live."""

    deploy: Callable[[str], object]
    """Makes a deployment of this version live."""
    history: list[tuple[float, str]] = field(default_factory=list)
    """Unix seconds from which on the version may have been live, and the version."""

    def move(self, version: str) -> None:
        self.history.append((time.time(), version))
        self.deploy(version)

    def was_live(self, version: str, begin: float, end: float) -> bool:
        """Return whether the version was live at any time between these."""
        spans = zip(self.history, [*(began for began, _ in self.history[1:]), float("inf")], strict=True)
        return any(name == version and began <= end and ended >= begin for (began, name), ended in spans)
