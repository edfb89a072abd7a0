"""Training runs that nothing needs, on the real servers: MLflow and S3 are rid of them, and what was answered still replays."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import mlflow
import psycopg
import pytest

from infra.local.stack import Stack
from tasks import remove_training_runs, replay, train_model
from tasks.core.errors import BadSetting, Differs
from tasks.io.mlflow import registry, removal
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.serving.tiny_models import export_onnx
from tests.tasks.api_answers import Answers
from tests.tasks.movies import FEATURES, TODAY, add_movies, crown, fit, publish
from tests.tasks.settings_factory import deploy_model, in_environment, own_environment, read_live_deployment, run_verb

pytestmark = pytest.mark.integration

MOVIES = [f"tt8{number:06d}" for number in range(3)]
TABLES = ("runs", "params", "tags", "metrics", "latest_metrics", "logged_models", "datasets", "inputs", "input_tags")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started_stack(tmp_path_factory.mktemp("runs")) as servers:
        yield servers


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """The live deployment's parts are kept, and the two newest runs."""
    with own_environment(stack) as environment, in_environment(environment, keep_deployments=1, keep_training_runs=2) as settings:
        add_movies(settings)
        publish(settings)
        yield settings


@pytest.fixture(scope="module")
def answers(stack: Stack, settings: Settings) -> list[str]:
    """Version 1 was live and answered, 3 is live; 2 and 4 to 6 never were. A person deleted what a killed training left."""
    exported = export_onnx(fit(settings, 1), FEATURES)
    assert crown(settings, exported) == "1"
    deploy_model(settings, TODAY)
    answered = Answers(settings, stack.environment("serving")["REDIS_URL"], "1", exported).predict(MOVIES)
    run_verb(train_model, settings, TODAY)
    for seed in (3, 4, 5, 6):
        crown(settings, export_onnx(fit(settings, seed), FEATURES))
        if seed == 3:
            deploy_model(settings, TODAY)
            with registry.connect(settings.mlflow_tracking_uri) as client, mlflow.start_run() as run:
                mlflow.log_text("as a killed training leaves one", "features.json")
            client.delete_run(run.info.run_id)
    return answered


def read_versions(settings: Settings) -> list[str]:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        return [model.version for model in registry.read_models(client)]


def count_rows(settings: Settings) -> dict[str, int]:
    assert settings.mlflow_database_url is not None
    url = settings.mlflow_database_url.get_secret_value().replace("+psycopg2", "")
    with psycopg.connect(url) as conn:
        counts = [conn.execute(f"select count(*) from {table}".encode()).fetchone() for table in TABLES]  # noqa: S608  # our own names
    return {table: count[0] for table, count in zip(TABLES, counts, strict=True) if count}


def list_artifacts(settings: Settings) -> list[str]:
    bucket = Bucket.from_settings(settings)
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix="mlflow/")
    return sorted(item["Key"] for page in pages for item in page.get("Contents", []))


def die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_without_its_setting_or_during_a_training_nothing_is_removed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(BadSetting, match="MLFLOW_DATABASE_URL is not set"):
        remove_training_runs.run(settings.model_copy(update={"mlflow_database_url": None}))
    with take(settings, "train_model"):
        remove_training_runs.run(settings)
    assert "left to the next run: train_model is at work" in caplog.text


@pytest.mark.parametrize("step", ["read_logged_models", "get_artifact_repository"])
def test_a_removal_that_was_killed_is_ended_by_the_next_run(
    settings: Settings, answers: list[str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(removal, step, die)
        with pytest.raises(KeyboardInterrupt):
            remove_training_runs.run(settings)
    assert read_versions(settings) == ["1", "3", "4", "5", "6"]
    assert answers


def test_what_is_kept_answers_and_the_others_leave_no_row_and_no_file(
    settings: Settings, answers: list[str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    files = list_artifacts(settings)
    remove_training_runs.run(settings)
    assert read_versions(settings) == ["1", "3", "5", "6"]
    assert caplog.text.count("removed the run") == 3
    assert "removed 3 of 7 runs; 0 more are due" in caplog.text
    with registry.connect(settings.mlflow_tracking_uri) as client:
        runs = removal.read_runs(client)
        models = client.search_logged_models([client.get_run(runs[0].run_id).info.experiment_id])
    assert sorted(version for run in runs for version in run.versions) == ["1", "3", "5", "6"]
    owners = {file.split("/artifacts/")[0].rpartition("/")[2] for file in list_artifacts(settings)}
    assert owners >= {model.model_id for model in models}
    assert owners - {model.model_id for model in models} <= {run.run_id for run in runs}
    assert len(list_artifacts(settings)) < len(files)
    rows = count_rows(settings)
    assert rows | {"runs": 4, "logged_models": 4, "datasets": 0, "inputs": 4, "input_tags": 0} == rows
    replay.run(settings, answers)
    assert capsys.readouterr().out.count(" equal\n") == len(MOVIES)
    live = read_live_deployment(settings)
    deploy_model(settings, TODAY)
    assert (live.model_version, read_live_deployment(settings).model_version) == ("3", "6"), "what may be deployed next is there"
    before = count_rows(settings), list_artifacts(settings)
    remove_training_runs.run(settings)
    assert (count_rows(settings), list_artifacts(settings)) == before


def test_a_version_goes_when_its_receipts_are_gone_and_its_number_is_not_given_again(
    settings: Settings, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(settings) as conn:
        conn.execute("update deployment set ended_at = ended_at - interval '40 days' where model_version = '1'")
    monkeypatch.setattr(remove_training_runs, "GRACE", timedelta(days=20))
    remove_training_runs.run(settings)
    assert read_versions(settings) == ["1", "3", "5", "6"]
    monkeypatch.undo()
    with registry.connect(settings.mlflow_tracking_uri) as client:
        client.set_registered_model_alias(registry.MODEL, "ours", "1")
    remove_training_runs.run(settings)
    assert read_versions(settings) == ["1", "3", "5", "6"]
    with registry.connect(settings.mlflow_tracking_uri) as client:
        client.delete_registered_model_alias(registry.MODEL, "ours")
    remove_training_runs.run(settings)
    assert read_versions(settings) == ["3", "5", "6"]
    with pytest.raises(Differs, match="3 of 3 predictions differ"):
        replay.run(settings, answers)
    assert crown(settings, export_onnx(fit(settings, 7), FEATURES)) == "7"


def test_a_backlog_is_removed_in_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(remove_training_runs, "MAX_RUNS", 1)
    few = settings.model_copy(update={"keep_training_runs": 1, "receipts_keep_days": 1})
    with connect(settings) as conn:
        conn.execute("update deployment set ended_at = ended_at - interval '40 days' where model_version = '3'")
    remove_training_runs.run(few)
    assert "removed 1 of 4 runs; 1 more are due" in caplog.text
    remove_training_runs.run(few)
    assert read_versions(settings) == ["6", "7"]
