"""Tests that newer parts go live together, and that older ones never do so automatically."""

from datetime import timedelta

import pytest

from tasks import build_features, publish_features
from tasks.core.errors import BadInput
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.deploy.changes import change_movies
from tests.tasks.deployments import assert_one_whole_deployment_is_live, read_record
from tests.tasks.movies import FEATURES, TODAY, crown, fit, read_live
from tests.tasks.settings_factory import deploy_features, deploy_model, read_live_deployment, run_verb

pytestmark = pytest.mark.integration


def test_newer_features_and_models_replace_the_live_ones_and_the_same_again_changes_nothing(settings: Settings) -> None:
    first = read_live_deployment(settings)
    change_movies(settings)
    deploy_features(settings, TODAY)
    second = assert_one_whole_deployment_is_live(settings)
    assert (second.model_version, second.kind, second.replaces) == (first.model_version, "deploy", first.deployment)
    assert second.feature_set == read_live(settings).feature_set != first.feature_set
    assert "features of" in second.reason
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    deploy_model(settings, TODAY)
    third = assert_one_whole_deployment_is_live(settings)
    assert (third.model_version, third.feature_set) == (version, second.feature_set)
    assert [each.ended_how for each in read_record(settings)] == ["replaced", "replaced", None]
    record = read_record(settings)
    for deploy_again in (deploy_features, deploy_model):
        deploy_again(settings, TODAY)
    assert read_record(settings) == record


def test_an_older_day_is_prepared_and_does_not_go_live(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    record, older, live = read_record(settings), TODAY - timedelta(days=9), read_live(settings)
    with pytest.raises(BadInput, match=f"has no rows of {older} or earlier: run build_features"):
        run_verb(publish_features, settings, older)
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 1")
    run_verb(build_features, settings, older)
    with caplog.at_level("INFO", "tasks"):
        run_verb(publish_features, settings, older)
        deploy_features(settings, older)
    assert f"later than {older}: an older day never goes live by itself" in caplog.text
    with connect(settings) as conn:
        assert conn.execute("select count(*) from feature_set where day = %s and state = 'ready'", [older]).fetchone() == (1,)
    deploy_features(settings, TODAY)  # a cleared task of the newer run
    assert read_live(settings) == live
    assert read_record(settings) == record
    assert_one_whole_deployment_is_live(settings)
