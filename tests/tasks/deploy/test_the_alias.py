"""The alias champion in MLflow: deleted, moved by hand, or moved to what cannot be served."""

from dataclasses import replace

import pytest

from tasks import reconcile_deployment, rollback
from tasks.io.mlflow import registry
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.deploy.changes import change_movies
from tests.tasks.deployments import assert_one_whole_deployment_is_live, move_alias, read_alias, read_record
from tests.tasks.movies import FEATURES, TODAY, crown, fit, read_live
from tests.tasks.settings_factory import deploy_features, deploy_model, read_live_deployment

pytestmark = pytest.mark.integration


def test_a_deleted_alias_is_set_again(settings: Settings) -> None:
    record = read_record(settings)
    move_alias(settings, None)
    deploy_model(settings, TODAY)  # a training that finds nothing new does not look at the alias
    reconcile_deployment.run(settings)
    live = assert_one_whole_deployment_is_live(settings)
    assert [replace(each, alias_at=None) for each in read_record(settings)] == [replace(each, alias_at=None) for each in record]
    assert read_alias(settings) == live.model_version


def test_an_alias_that_was_moved_by_hand_makes_a_deployment(settings: Settings) -> None:
    live, first = read_live_deployment(settings), read_record(settings)[0]
    assert first.model_version != live.model_version
    move_alias(settings, first.model_version)
    reconcile_deployment.run(settings)
    moved = assert_one_whole_deployment_is_live(settings)
    assert (moved.kind, moved.model_version, moved.feature_set) == ("alias", first.model_version, live.feature_set)
    deploy_model(settings, TODAY)
    assert read_live_deployment(settings) == moved  # no run of a DAG undoes it
    rollback.run(settings, None, "back from the experiment")
    assert assert_one_whole_deployment_is_live(settings).parts == live.parts


def test_a_deploy_obeys_a_moved_alias_before_the_next_reconciliation(settings: Settings) -> None:
    live, first = read_live_deployment(settings), read_record(settings)[0]
    assert first.model_version != live.model_version
    change_movies(settings)
    move_alias(settings, first.model_version)
    deploy_features(settings, TODAY)
    deployed = assert_one_whole_deployment_is_live(settings)
    moved = read_record(settings)[-2]
    assert (moved.kind, moved.model_version, moved.feature_set) == ("alias", first.model_version, live.feature_set)
    assert (deployed.kind, deployed.model_version, deployed.replaces) == ("deploy", first.model_version, moved.deployment)
    assert deployed.feature_set == read_live(settings).feature_set != live.feature_set


def test_a_rollback_logs_that_it_replaces_a_moved_alias(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    target = next(each for each in reversed(read_record(settings)) if each.model_version != read_alias(settings))
    move_alias(settings, target.model_version)
    moved_to = target.model_version
    back_to = read_record(settings)[-2]
    rollback.run(settings, back_to.deployment, "a wrong experiment")
    assert assert_one_whole_deployment_is_live(settings).parts == back_to.parts
    assert f"it was moved by hand: the alias champion was moved by hand to version {moved_to}" in caplog.text
    rollback.run(settings, target.deployment, "as before")  # the tests below meet the newer model


def test_an_alias_moved_to_an_unservable_version_is_put_back(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    live = read_live_deployment(settings)
    version = crown(settings, export_onnx(fit(settings, 5), FEATURES))
    with registry.connect(settings.mlflow_tracking_uri) as client:
        client.set_model_version_tag(registry.MODEL, version, registry.GATE, "refused")
        client.set_model_version_tag(registry.MODEL, version, registry.SCHEMA, "of other features")
    move_alias(settings, version)
    for _ in range(2):
        reconcile_deployment.run(settings)
    assert caplog.text.count(f"put back to version {live.model_version}: version {version} was trained on other features") == 1
    assert assert_one_whole_deployment_is_live(settings) == replace(live, alias_at=read_live_deployment(settings).alias_at)
