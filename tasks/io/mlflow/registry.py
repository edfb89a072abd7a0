"""MLflow's registered model `movie-rating`: its versions, their files and the alias `champion`."""

import hashlib
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException, RestException
from mlflow.utils import plugins
from requests.exceptions import RequestException

from tasks.core.deployment.record import Model
from tasks.core.errors import BadInput, Unavailable

MODEL = EXPERIMENT = "movie-rating"
CHAMPION = "champion"

TRAINING_ID, GATE = "training_id", "gate"
"""Tags of a model version: the hash of its training inputs, and the decision of the promotion gate."""
GATE_REASON = "gate_reason"
"""Tag with the reason of that decision."""
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""Error codes of MLflow for a version or an alias that does not exist."""

NOT_JSON = "API request to endpoint "
"""Start of the MLflow client's message about an error that is not MLflow's JSON."""

DIGEST = "sha256.model.onnx"
"""Tag with the sha256 of the model file as training wrote it; the API rejects a download with another one."""

RELEASE = "release.json"
"""Artifact of a version's run: the model's origin, ranges of its features, golden rows."""
RELEASE_DIGEST, SCHEMA = f"sha256.{RELEASE}", "schema_hash"
"""Tags with the sha256 of that artifact and its schema hash; versions older than the artifact have neither."""


def load_header_providers() -> None:
    """Load MLflow's providers of request headers without that of Feast.

    Feast's plugin would be loaded at a process's first request. It imports all of Feast, which takes 4 s, and its headers are for
    a server behind Feast's own authentication.
    """
    find = plugins.get_entry_points
    plugins.get_entry_points = lambda group: [found for found in find(group) if found.name != "feast"]
    try:
        importlib.import_module("mlflow.tracking.request_header.registry")
    finally:
        plugins.get_entry_points = find


@contextmanager
def connect(tracking_uri: str) -> Iterator[MlflowClient]:
    """Open a client of the tracking server; raise Unavailable if it does not answer, BadInput if it rejects a request.

    MLflow rejects with JSON, which its client raises as RestException. A page of a proxy is an answer that is not MLflow's.
    """
    load_header_providers()
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield MlflowClient()
    except RequestException as error:
        raise Unavailable(f"MLflow at {tracking_uri} does not answer: {error}") from error
    except MlflowException as error:
        status = error.get_http_status_code()
        stray = not isinstance(error, RestException) and error.message.startswith(NOT_JSON)
        if stray or status >= 500 or status in (408, 429):
            raise Unavailable(f"MLflow at {tracking_uri} does not answer: {error}") from error
        raise BadInput(f"MLflow at {tracking_uri} rejects the request ({error.error_code}): {error}") from error


def read_exported(client: MlflowClient, version: str, sha256: str) -> bytes:
    """Return the version's model.onnx; raise Unavailable if it has another sha256, BadInput if the version is gone."""
    try:
        with TemporaryDirectory() as folder:
            path = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}", dst_path=folder)
            exported = (Path(path) / "model.onnx").read_bytes()
    except RestException as error:
        if error.error_code in ABSENT:
            raise BadInput(f"version {version} of {MODEL} is no longer in MLflow") from error
        raise
    found = hashlib.sha256(exported).hexdigest()
    if found != sha256:
        raise Unavailable(f"model.onnx of version {version} has sha256 {found}, its tag says {sha256}")
    return exported


def read_models(client: MlflowClient) -> list[Model]:
    """Return the versions that can be served, by number; leave out those without digests, which train_model did not register."""
    versions = [version for version in client.search_model_versions(f"name = '{MODEL}'") if version.status == "READY"]
    models = [
        Model(
            name=MODEL,
            version=str(version.version),
            sha256=version.tags[DIGEST],
            release_sha256=version.tags[RELEASE_DIGEST],
            schema_hash=version.tags.get(SCHEMA, ""),
            passed=version.tags.get(GATE) == "passed",
        )
        for version in versions
        if DIGEST in version.tags and RELEASE_DIGEST in version.tags
    ]
    return sorted(models, key=lambda model: int(model.version))


def read_alias(client: MlflowClient) -> str | None:
    """Return the version that the alias champion names, or None without an alias."""
    version = fetch_champion(client)
    return str(version.version) if version is not None else None


def write_alias(client: MlflowClient, version: str) -> None:
    """Set the alias champion. It is for people and other readers of MLflow; the API follows the deployment."""
    client.set_registered_model_alias(MODEL, CHAMPION, version)


def refuse(client: MlflowClient, version: str, reason: str) -> None:
    """Take the version's pass of the promotion gate back."""
    client.set_model_version_tag(MODEL, version, GATE_REASON, reason)
    client.set_model_version_tag(MODEL, version, GATE, "refused")


def fetch_champion(client: MlflowClient) -> ModelVersion | None:
    try:
        return client.get_model_version_by_alias(MODEL, CHAMPION)
    except RestException as error:
        if error.error_code in ABSENT:
            return None
        raise


def fetch_version(client: MlflowClient, training_id: str) -> ModelVersion | None:
    """Return the version with this training id, or None if there is none."""
    found = client.search_model_versions(f"name = '{MODEL}' and tag.{TRAINING_ID} = '{training_id}'")
    return found[0] if found else None


def read_aliased(client: MlflowClient) -> set[str]:
    """Return the versions that any alias names, champion's and those that people have set."""
    found = client.search_registered_models(f"name = '{MODEL}'")
    return {str(version) for model in found for version in model.aliases.values()}
