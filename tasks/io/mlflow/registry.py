"""MLflow: training runs, the registered model `movie-rating` and its `champion` alias."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import onnx
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException, RestException
from mlflow.models import infer_signature
from requests.exceptions import RequestException
from sklearn.ensemble import HistGradientBoostingRegressor

from tasks.core.deployment.record import Model
from tasks.core.errors import BadInput, Unavailable
from tasks.core.model import model_card
from tasks.io.postgres.lease import Lease

log = logging.getLogger("tasks.mlflow")

MODEL = "movie-rating"
CHAMPION = "champion"
EXPERIMENT = "movie-rating"

TRAINING_ID, GATE = "training_id", "gate"
"""Tags of a model version: the hash of what it was trained from, and the gate's verdict."""
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""Error codes of MLflow for a version or an alias that is not there."""

DIGEST = "sha256.model.onnx"
"""Tag with the sha256 of the model file as training wrote it; the API refuses a download that differs."""

RELEASE = "release.json"
"""Artifact of a version's run: the model's origin, ranges of its features, golden answers."""
RELEASE_DIGEST, SCHEMA = f"sha256.{RELEASE}", "schema_hash"
"""Tags with the sha256 of that artifact and with its schema hash; versions of before there was one have neither."""

SKOPS_TRUSTED = [
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
]
"""Types of HistGradientBoostingRegressor that skops does not know as safe by itself."""


@dataclass(frozen=True)
class Record:
    """All that a run leaves behind."""

    name: str
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    description: str
    """The model card, Markdown; shown on the pages of the run and of the version."""
    release: bytes
    """The artifact release.json; ASCII."""
    pictures: Mapping[str, Figure]
    train: pd.DataFrame
    """The features and the label of the training rows, for the run's dataset entry."""
    label: str
    dataset_hash: str
    features: tuple[str, ...]


@contextmanager
def connect(tracking_uri: str) -> Iterator[MlflowClient]:
    """A client of the tracking server. One that does not answer is Unavailable; a request that it rejects is BadInput."""
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield MlflowClient()
    except RequestException as error:
        raise Unavailable(f"MLflow at {tracking_uri} does not answer: {error}") from error
    except MlflowException as error:
        status = error.get_http_status_code()
        if status >= 500 or status in (408, 429):
            raise Unavailable(f"MLflow at {tracking_uri} does not answer: {error}") from error
        raise BadInput(f"MLflow at {tracking_uri} rejects the request ({error.error_code}): {error}") from error


def read_exported(client: MlflowClient, version: str, sha256: str) -> bytes:
    """Return model.onnx of this version; a file with another sha256 is Unavailable, a version that is gone BadInput."""
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
    """Return the versions that can be served, by number; those without digests were registered by other means than training."""
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
    """Return the version that the alias champion names."""
    version = find_champion(client)
    return str(version.version) if version is not None else None


def write_alias(client: MlflowClient, version: str) -> None:
    """Set the alias champion, for people and for other readers of MLflow: nothing of ours decides by it."""
    client.set_registered_model_alias(MODEL, CHAMPION, version)


def find_champion(client: MlflowClient) -> ModelVersion | None:
    try:
        return client.get_model_version_by_alias(MODEL, CHAMPION)
    except RestException as error:
        if error.error_code in ABSENT:
            return None
        raise


def find_version(client: MlflowClient, training_id: str) -> ModelVersion | None:
    """The version that was trained from these very inputs, if there is one."""
    found = client.search_model_versions(f"name = '{MODEL}' and tag.{TRAINING_ID} = '{training_id}'")
    return found[0] if found else None


def write_run(
    client: MlflowClient, record: Record, model: HistGradientBoostingRegressor, exported: bytes, lease: Lease
) -> ModelVersion:
    """Log the run with its pictures and both forms of the model, then register the ONNX form as a version.

    The version is made last and whole, tags included: a killed or superseded attempt leaves a run without a version, and
    the next one with the same inputs starts anew.
    """
    open_experiment(client)
    example = record.train[list(record.features)].head(5)
    signature = infer_signature(example, model.predict(example.to_numpy()))
    with mlflow.start_run(run_name=record.name, tags=dict(record.tags), description=record.description) as run:
        mlflow.log_params(dict(record.parameters))
        mlflow.log_metrics(dict(record.metrics))
        mlflow.log_dict({"features": list(record.features)}, "features.json")
        mlflow.log_text(record.release.decode("ascii"), RELEASE)
        for name, figure in record.pictures.items():
            mlflow.log_figure(figure, f"pictures/{name}.png")
        dataset = mlflow.data.from_pandas(record.train, targets=record.label, name="pre_release", digest=record.dataset_hash[:36])
        mlflow.log_input(dataset, context="training")
        mlflow.sklearn.log_model(
            model,
            name="scikit-learn",
            serialization_format="skops",
            skops_trusted_types=SKOPS_TRUSTED,
            pip_requirements=["scikit-learn", "skops"],
            signature=signature,
        )
        logged = mlflow.onnx.log_model(
            onnx.load_from_string(exported),
            name="onnx",
            save_as_external_data=False,
            onnx_execution_providers=["CPUExecutionProvider"],
            pip_requirements=["onnxruntime"],
            signature=signature,
            input_example=example,
        )
    with lease.held():
        if not client.search_registered_models(f"name = '{MODEL}'"):
            client.create_registered_model(MODEL, description=model_card.MODEL)
        tags, model_id = dict(record.tags), logged.model_id
        return client.create_model_version(
            MODEL, logged.model_uri, run.info.run_id, tags=tags, model_id=model_id, description=record.description
        )


def open_experiment(client: MlflowClient) -> None:
    """Choose the experiment, and tell MLflow's UI that it holds trainings: else it guesses, and shows its GenAI view.

    One that a person has deleted is restored: the runs of the registered versions are in it, and MLflow takes no new ones.
    """
    existing = client.get_experiment_by_name(EXPERIMENT)
    if existing is not None and existing.lifecycle_stage == LifecycleStage.DELETED:
        log.warning("the experiment %s was deleted in MLflow; it is restored, since the models' runs are in it", EXPERIMENT)
        client.restore_experiment(existing.experiment_id)
    mlflow.set_experiment(EXPERIMENT)
    mlflow.set_experiment_tags(
        {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": model_card.EXPERIMENT}
    )
