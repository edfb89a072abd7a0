"""train_model on the real servers: a version once, its release, and its place after the live one."""

import hashlib
import json
from pathlib import Path

import mlflow
import numpy as np
import pytest

from tasks import train_model
from tasks.core.model import model_card
from tasks.core.model.onnx_model import predict_onnx, read_onnx_features
from tasks.io.mlflow import registry
from tasks.settings import Settings
from tests.tasks.features_to_model.state import TODAY, read_newest, read_ready, read_versions
from tests.tasks.movies import read_snapshot_id
from tests.tasks.settings_factory import deploy_model, read_live_deployment, run_verb

pytestmark = pytest.mark.integration


def test_training_registers_a_version_once_and_moves_no_alias(settings: Settings, movies: None) -> None:
    run_verb(train_model, settings, TODAY)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        version = read_newest(client)
        assert version.tags[registry.GATE] == "passed"
        versions = read_versions(client)
        run = client.get_run(version.run_id)
        assert run.data.metrics["gain_over_baseline"] > 0.3
        pictures = [file.path for file in client.list_artifacts(version.run_id, "pictures")]
        assert len(pictures) == 3
        exported = registry.read_exported(client, version.version, version.tags[registry.DIGEST])
        assert hashlib.sha256(exported).hexdigest() == version.tags[registry.DIGEST]
        alias = registry.read_alias(client)
    run_verb(train_model, settings, TODAY)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        assert read_versions(client) == versions
        assert registry.read_alias(client) == alias != version.version


def test_people_find_the_model_described_in_mlflow(settings: Settings, movies: None) -> None:
    """The experiment has its kind, without which MLflow's pages show its view of language models."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        version, model = read_newest(client), client.get_registered_model(registry.MODEL)
        run, experiment = client.get_run(version.run_id), client.get_experiment_by_name(registry.EXPERIMENT)
    assert experiment is not None
    assert run.info.experiment_id == experiment.experiment_id
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.tags["mlflow.note.content"] == model_card.EXPERIMENT
    assert model.description == model_card.MODEL
    assert version.description.startswith("### What it predicts")
    assert run.data.tags["mlflow.note.content"] == version.description


def test_a_version_has_a_release_whose_golden_rows_it_reproduces(settings: Settings, movies: None) -> None:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        version = read_newest(client)
        exported = registry.read_exported(client, version.version, version.tags[registry.DIGEST])
        body = Path(mlflow.artifacts.download_artifacts(f"runs:/{version.run_id}/release.json")).read_bytes()
        metrics = client.get_run(version.run_id).data.metrics
    assert hashlib.sha256(body).hexdigest() == version.tags["sha256.release.json"]
    release, ready = json.loads(body), read_ready(settings)
    assert release["files"] == {"model.onnx": version.tags[registry.DIGEST]}
    assert (release["model"], release["feature_service"]) == (registry.MODEL, "pre_release")
    assert (release["feature_set"], release["schema_hash"]) == (ready.feature_set, ready.schema_hash)
    assert (release["training_snapshot"], release["training_day"]) == (str(read_snapshot_id()), TODAY.isoformat())
    assert release["training_id"] == version.tags[registry.TRAINING_ID]
    assert release["metrics"] == metrics
    names = read_onnx_features(exported)
    assert sorted(release["ranges"]) == sorted(names)
    golden = np.array(release["golden"]["features"], np.float32)
    assert golden.shape == (32, len(names))
    assert np.isnan(golden[0]).all()
    assert predict_onnx(exported, golden).tolist() == release["golden"]["ratings"]


def test_a_live_model_of_removed_features_blocks_no_newer_model(settings: Settings, movies: None) -> None:
    deploy_model(settings, TODAY)
    live = read_live_deployment(settings)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        old = read_newest(client)
        assert live.model_version == str(old.version) == registry.read_alias(client)
        client.set_model_version_tag(registry.MODEL, old.version, registry.SCHEMA, "of features that are no more")
        client.set_model_version_tag(registry.MODEL, old.version, registry.TRAINING_ID, "of another form")
        run_verb(train_model, settings, TODAY)
        new = read_newest(client)
        assert int(new.version) > int(old.version)
        assert new.tags[registry.DIGEST] == old.tags[registry.DIGEST]
        assert "cannot be served any more" in new.tags["gate_reason"]
    deploy_model(settings, TODAY)
    assert read_live_deployment(settings).model_version == str(new.version)
