"""Writes one training to MLflow: a run with its pictures and both forms of the model, and the registered version.

Only train_model imports this: scikit-learn, ONNX and matplotlib take more than a second to load.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import mlflow
import onnx
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import infer_signature
from sklearn.ensemble import HistGradientBoostingRegressor

from tasks.core.model import model_card
from tasks.io.mlflow.registry import EXPERIMENT, MODEL, RELEASE
from tasks.io.postgres.lease import Lease

log = logging.getLogger("tasks.mlflow")

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
