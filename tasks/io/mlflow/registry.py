"""Reads and writes MLflow: training runs, the registered model `movie-rating` and its alias `champion`."""

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
"""Tags of a model version: the hash of its training inputs, and the decision of the promotion gate."""
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""Error codes of MLflow for a version or an alias that does not exist."""

DIGEST = "sha256.model.onnx"
"""Tag with the sha256 of the model file as training wrote it; the API rejects a download with another one."""

RELEASE = "release.json"
"""Artifact of a version's run: the model's origin, ranges of its features, golden rows."""
RELEASE_DIGEST, SCHEMA = f"sha256.{RELEASE}", "schema_hash"
"""Tags with the sha256 of that artifact and its schema hash; versions older than the artifact have neither."""

SKOPS_TRUSTED = [
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
]
"""Types of HistGradientBoostingRegressor that skops trusts only if they are listed."""


@dataclass(frozen=True)
class Record:
    """The contents of a run, as MLflow keeps them."""

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
    """Open a client of the tracking server; raise Unavailable if it does not answer, BadInput if it rejects a request."""
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
    version = find_champion(client)
    return str(version.version) if version is not None else None


def write_alias(client: MlflowClient, version: str) -> None:
    """Set the alias champion. It is for people and other readers of MLflow; the API follows the deployment."""
    client.set_registered_model_alias(MODEL, CHAMPION, version)


def find_champion(client: MlflowClient) -> ModelVersion | None:
    try:
        return client.get_model_version_by_alias(MODEL, CHAMPION)
    except RestException as error:
        if error.error_code in ABSENT:
            return None
        raise


def find_version(client: MlflowClient, training_id: str) -> ModelVersion | None:
    """Return the version with this training id, or None if there is none."""
    found = client.search_model_versions(f"name = '{MODEL}' and tag.{TRAINING_ID} = '{training_id}'")
    return found[0] if found else None


def write_run(
    client: MlflowClient, record: Record, model: HistGradientBoostingRegressor, exported: bytes, lease: Lease
) -> ModelVersion:
    """Log the run with its pictures and both forms of the model, then register the ONNX form as a version.

    The version is created last, with all its tags: a killed or superseded attempt leaves only a run without a version, and the
    next attempt with the same inputs trains again.
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
    """Choose the experiment, and set its kind, because MLflow's UI otherwise guesses and shows the GenAI view.

    A deleted experiment is restored: the runs of the registered versions are in it, and MLflow accepts no new runs there.
    """
    existing = client.get_experiment_by_name(EXPERIMENT)
    if existing is not None and existing.lifecycle_stage == LifecycleStage.DELETED:
        log.warning("the experiment %s was deleted in MLflow; it is restored, since the models' runs are in it", EXPERIMENT)
        client.restore_experiment(existing.experiment_id)
    mlflow.set_experiment(EXPERIMENT)
    mlflow.set_experiment_tags(
        {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": model_card.EXPERIMENT}
    )
