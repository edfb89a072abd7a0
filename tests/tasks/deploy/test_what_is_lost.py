"""Deployments after something is lost: a version, Redis's keys, a lease, a store."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from tasks import deploy, reconcile_deployment, remove_unused_parts, rollback
from tasks.core.errors import Busy, Unavailable, Unknown
from tasks.io.deployments import flip
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.deploy.changes import change_movies, redis_of
from tests.tasks.deployments import assert_one_whole_deployment_is_live, read_key
from tests.tasks.movies import FEATURES, TODAY, crown, fit, publish_day, read_live
from tests.tasks.settings_factory import deploy_features, deploy_model, read_live_deployment, run_verb

pytestmark = pytest.mark.integration


def test_a_version_that_was_deleted_is_neither_deployed_nor_rolled_back_to(settings: Settings) -> None:
    live = read_live_deployment(settings)
    version = crown(settings, export_onnx(fit(settings, 6), FEATURES))
    deploy_model(settings, TODAY)
    assert assert_one_whole_deployment_is_live(settings).model_version == version
    with registry.connect(settings.mlflow_tracking_uri) as client:
        client.delete_model_version(registry.MODEL, live.model_version)
    with pytest.raises(Unknown, match=f"cannot come back: version {live.model_version} is no longer in MLflow"):
        rollback.run(settings, None, "a try")
    assert assert_one_whole_deployment_is_live(settings).model_version == version


def test_after_the_live_version_was_deleted_no_alias_is_set_until_the_next_version_goes_live(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    live, key = read_live_deployment(settings), read_key(settings, flip.POINTER)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        client.delete_model_version(registry.MODEL, live.model_version)
    with caplog.at_level("INFO", "tasks"):
        reconcile_deployment.run(settings)
    assert f"MLflow has no version {live.model_version} any more" in caplog.text
    assert "run train_model for another one, or `marquee rollback`" in caplog.text
    assert (read_live_deployment(settings), read_key(settings, flip.POINTER)) == (live, key)
    version = crown(settings, export_onnx(fit(settings, 7), FEATURES))
    deploy_model(settings, TODAY)
    assert assert_one_whole_deployment_is_live(settings).model_version == version


def test_a_redis_that_lost_the_keys_is_written_anew_from_the_record(settings: Settings) -> None:
    before, redis = read_key(settings, flip.POINTER), redis_of(settings)
    redis.delete(flip.POINTER)
    reconcile_deployment.run(settings)
    assert read_key(settings, flip.POINTER) == before
    assert_one_whole_deployment_is_live(settings)


def test_a_redis_that_lost_all_features_gets_the_live_ones_again(settings: Settings) -> None:
    live, redis = read_live_deployment(settings), redis_of(settings)
    keys = online_store.count_rows(redis, live.feature_set)
    redis.delete(flip.POINTER, *online_store.scan_keys(redis, live.feature_set))
    reconcile_deployment.run(settings)
    assert online_store.count_rows(redis, live.feature_set) == keys
    assert_one_whole_deployment_is_live(settings)


def test_what_is_out_of_service_keeps_its_name_when_it_is_published_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Redis lost the rows since the rollback; a new name of a later day would bring them back into service."""
    change_movies(settings)
    deploy_features(settings, TODAY)
    left, later = read_live_deployment(settings), TODAY + timedelta(days=1)
    rollback.run(settings, None, "worse features")
    back = read_live_deployment(settings)
    redis = redis_of(settings)
    redis.delete(*online_store.scan_keys(redis, left.feature_set))
    publish_day(settings, later)
    with caplog.at_level("INFO", "tasks"):
        deploy_features(settings, later)
    published = read_live(settings)
    assert (published.feature_set, published.day) == (left.feature_set, later.isoformat())
    assert online_store.count_rows(redis, left.feature_set) > 0
    assert read_live_deployment(settings).parts == back.parts
    with connect(settings) as conn:
        conn.execute("update feature_set set day = %s where feature_set = %s", [TODAY, left.feature_set])


def test_verbs_that_deploy_never_overlap_and_reconciling_waits_for_the_next_pass(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollback, "LEASE_SECONDS", 0)
    with take(settings, flip.LEASE), caplog.at_level("INFO", "tasks"):
        reconcile_deployment.run(settings)
        remove_unused_parts.run(settings)
        with pytest.raises(Busy, match="deployment is at work for by hand"):
            rollback.run(settings, None, "a try")
    assert caplog.text.count("left to the next pass: deployment is at work for by hand") == 2


def test_an_unreachable_store_is_unavailable(settings: Settings) -> None:
    away = settings.model_copy(update={"feast_redis": SecretStr("127.0.0.1:1")})
    with pytest.raises(Unavailable, match="Redis: "):
        run_verb(deploy, away, TODAY, part="features")
    with pytest.raises(Unavailable, match="Redis: "):
        rollback.run(away, None, "a try")
    with pytest.raises(Unavailable, match="Redis: "):
        reconcile_deployment.run(away)
