"""Train the rating model on the features known as of the day, and decide if it may replace the live one.

Reads the offline store through Feast (historical features with the known-at cut-off) and the ratings; writes an MLflow
run and a version of the registered model movie-rating. The promotion gate lets a model pass if it beats the constant baseline
and the live model on the same test rows; `deploy` makes it live. Identical inputs make no new version. The run's artifact
release.json describes the version for the API.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version as installed

from tasks.command import main
from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment, Model
from tasks.core.errors import BadInput
from tasks.core.model import plots
from tasks.core.model.evaluation import Evaluation, evaluate
from tasks.core.model.fitting import PARAMETERS
from tasks.core.model.model_card import render_model_card
from tasks.core.model.release_document import RELEASE_FORMAT, Origin, compute_metrics, describe_release, render_release
from tasks.core.model.training import LABEL, MIN_LABEL_VOTES, Split, keep_asked, split_by_year
from tasks.io.feast import definitions, latest_rows, offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.mlflow.training_runs import Record, write_run
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.movies import read_labels
from tasks.settings import Settings

log = logging.getLogger("tasks.train_model")

LIBRARIES = ("scikit-learn", "numpy", "skl2onnx", "onnxruntime")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Train and register a version; register nothing if one was trained from the same features and ratings."""
    table = offline_store.open_table()
    snapshot = table.current_snapshot() if table is not None else None
    with connect(settings) as conn:
        sets, live = feature_sets.read_ready(conn), find_live(read_deployments(conn))
        labels = read_labels(conn, MIN_LABEL_VOTES)
    if not sets or table is None or snapshot is None:
        raise BadInput("no feature set is ready: run build_features and publish_features first")
    asked_labels = keep_asked(labels, latest_rows.read_asked(table, day))
    if asked_labels.height < labels.height:
        log.info("%d labelled movies are left out: TMDB was not asked for them yet", labels.height - asked_labels.height)
    newest = sets[-1]
    rows, features = online_store.read_as_of(newest.feature_set, asked_labels, day)
    schema_hash = definitions.read_schema(online_store.open_store(newest.feature_set))

    split = split_by_year(rows, features)
    training_id = compute_training_id(split, schema_hash)
    log.info("%d movies with a label, %d in the test from %d on", rows.height, split.test.height, split.first_test_year)

    with registry.connect(settings.mlflow_tracking_uri) as client:
        version = registry.fetch_version(client, training_id)
        if version is not None:
            log.info("version %s was trained from the same inputs: no new version is registered", version.version)
            return
        champion = find_champion(registry.read_models(client), live)
        servable = champion is None or champion.schema_hash == schema_hash
        exported = registry.read_exported(client, champion.version, champion.sha256) if champion else None
        evaluation = evaluate(split, exported, servable)
        service, feature_set = definitions.SERVICE, newest.feature_set
        origin = Origin(registry.MODEL, service, feature_set, schema_hash, str(snapshot.snapshot_id), day, training_id)
        release = render_release(describe_release(split, evaluation, origin))
        tags = describe(evaluation, release, origin, champion.version if champion else None)
        record = describe_run(split, evaluation, origin, release, tags)
        version = write_run(client, record, evaluation.fitted, evaluation.exported, lease)
        log.info("registered version %s; gate %s: %s", version.version, tags[registry.GATE], evaluation.decision.reason)


def find_champion(models: Sequence[Model], live: Deployment | None) -> Model | None:
    """Return the model of the live deployment; None if there is no deployment or MLflow no longer has that version."""
    if live is None:
        return None
    champion = next((model for model in models if model.version == live.model_version), None)
    if champion is None:
        log.warning("version %s is live but gone from MLflow: the new model is compared with no champion", live.model_version)
    return champion


def compute_training_id(split: Split, schema_hash: str) -> str:
    """Return the hash of all inputs of a training: data, schema, split, parameters, library versions, format of release.json."""
    libraries = {name: installed(name) for name in LIBRARIES}
    inputs = [split.dataset_hash, schema_hash, split.first_test_year, split.features, PARAMETERS, libraries, RELEASE_FORMAT]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:32]


def describe(evaluation: Evaluation, release: bytes, origin: Origin, champion: str | None) -> dict[str, str]:
    """Return the tags of the run and of the version."""
    return {
        registry.TRAINING_ID: origin.training_id,
        registry.GATE: "passed" if evaluation.decision.passed else "refused",
        registry.GATE_REASON: evaluation.decision.reason,
        "compared_with": f"version {champion}" if champion else "no champion",
        registry.DIGEST: hashlib.sha256(evaluation.exported).hexdigest(),
        registry.SCHEMA: origin.schema_hash,
        registry.RELEASE_DIGEST: hashlib.sha256(release).hexdigest(),
    }


def describe_run(split: Split, evaluation: Evaluation, origin: Origin, release: bytes, tags: dict[str, str]) -> Record:
    """Return the contents of the MLflow run: parameters, metrics, tags, model card, plots and dataset."""
    actual, years = split.test[LABEL].to_numpy(), split.test["release_year"].to_numpy()
    return Record(
        name=f"{origin.day}-{origin.training_id[:8]}",
        parameters=PARAMETERS
        | {
            "day": origin.day.isoformat(),
            "snapshot_id": origin.snapshot_id,
            "dataset_rows": split.train.height + split.test.height,
            "dataset_hash": split.dataset_hash,
            "first_test_year": split.first_test_year,
            "features": len(split.features),
            "iterations": evaluation.fitted.n_iter_,
        },
        metrics=compute_metrics(evaluation),
        tags=tags,
        description=render_model_card(split, evaluation, origin),
        release=release,
        pictures={
            "predicted_against_actual": plots.draw_predicted_against_actual(actual, evaluation.predicted),
            "residuals_by_year": plots.draw_residuals_by_year(years, actual - evaluation.predicted),
            "feature_importance": plots.draw_importance(split.features, evaluation.importance),
        },
        train=split.train.select(*split.features, LABEL).to_pandas(),
        label=LABEL,
        dataset_hash=split.dataset_hash,
        features=split.features,
    )


if __name__ == "__main__":
    main(run, __doc__)
