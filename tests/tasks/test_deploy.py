"""Deployments on the real servers: made whole, never going back by themselves, healed, adopted, and rolled back in one step."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from pydantic import SecretStr
from pyiceberg.utils.config import Config

from infra.local.stack import Stack
from tasks import build_features, deploy, publish_features, reconcile_deployment, remove_unused_parts, rollback
from tasks.core.errors import BadInput, Busy, Unavailable, Unknown
from tasks.io.deployments import adopt, flip
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.deployments import assert_one_whole_deployment_is_live, move_alias, read_alias, read_key, read_record
from tests.tasks.movies import FEATURES, TODAY, add_movies, crown, fit, forget_models, publish, publish_day, read_live
from tests.tasks.settings_factory import (
    deploy_features,
    deploy_model,
    own_environment,
    read_live_deployment,
    run_verb,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """Movies published in a set of their own, one model registered, nothing live."""
    with pytest.MonkeyPatch.context() as patch, own_environment(stack) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        # PyIceberg reads its environment once, when it is imported.
        patch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        settings = Settings()
        forget_models(settings)
        add_movies(settings)
        publish(settings)
        crown(settings, export_onnx(fit(settings, 1), FEATURES))
        yield settings


def redis_of(settings: Settings):  # type: ignore[no-untyped-def]  # redis-py types both clients
    return online_store.open_redis(settings.feast_redis.get_secret_value())


def change_movies(settings: Settings) -> None:
    """Newer features: every runtime grows by a minute."""
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 1")
    publish(settings)


def write_old_keys(settings: Settings) -> None:
    """The two keys as the releases before deployments wrote them; they name what is live."""
    live, pointer = read_live_deployment(settings), read_key(settings, flip.POINTER)
    features = {name: pointer["features"][name] for name in ("feature_set", "snapshot_id", "content_hash", "movies", "day")}
    times = {"published_at": pointer["features"]["published_at"]}
    redis = redis_of(settings)
    redis.set(adopt.FEATURES_KEY, json.dumps({**features, **times, "schema_hash": pointer["features"]["schema_hash"]}))
    redis.set(adopt.PREDICTIONS_KEY, json.dumps({"prediction_set": live.prediction_set}))


def test_what_was_live_before_there_were_deployments_is_adopted(settings: Settings) -> None:
    """The alias and two keys, as the releases of before wrote them, with the rows of before."""
    deploy_model(settings, TODAY)
    live = read_live_deployment(settings)
    redis = redis_of(settings)
    write_old_keys(settings)
    with connect(settings) as conn:
        conn.execute("delete from deployment")
        conn.execute("update feature_set set day = null, schema_hash = null, online_keys = null")
    redis.delete(flip.POINTER)

    reconcile_deployment.run(settings)
    adopted = assert_one_whole_deployment_is_live(settings)
    assert (adopted.kind, adopted.parts, adopted.replaces) == ("adopted", live.parts, None)
    assert redis.exists(adopt.FEATURES_KEY, adopt.PREDICTIONS_KEY) == 0
    reconcile_deployment.run(settings)
    assert read_record(settings) == [adopted]


def test_predictions_that_were_not_recorded_are_made_for_the_adoption(settings: Settings) -> None:
    live = read_live_deployment(settings)
    write_old_keys(settings)
    redis_of(settings).delete(adopt.PREDICTIONS_KEY, flip.POINTER)
    with connect(settings) as conn:
        conn.execute("delete from deployment")
        conn.execute("delete from prediction_set")
    reconcile_deployment.run(settings)
    adopted = assert_one_whole_deployment_is_live(settings)
    assert (adopted.kind, adopted.parts) == ("adopted", live.parts)


def lose_predictions(settings: Settings) -> None:
    """Neither the predictions are recorded, nor the snapshot that they could be made from."""
    features = read_key(settings, adopt.FEATURES_KEY)
    redis_of(settings).set(adopt.FEATURES_KEY, json.dumps(features | {"snapshot_id": "1"}))
    redis_of(settings).set(adopt.PREDICTIONS_KEY, json.dumps({"prediction_set": "unknown"}))


def lose_features(settings: Settings) -> None:
    features = read_key(settings, adopt.FEATURES_KEY)
    redis_of(settings).set(adopt.FEATURES_KEY, json.dumps(features | {"movies": 10**6}))


@pytest.mark.parametrize(
    ("break_old_state", "reason"),
    [
        (lambda settings: move_alias(settings, None), "MLflow has no alias champion"),
        (lambda settings: redis_of(settings).delete(adopt.FEATURES_KEY), f"Redis has no key {adopt.FEATURES_KEY}"),
        (lose_features, "keys of the 1000000 movies"),
        (lose_predictions, "its predictions are not recorded and cannot be made: the offline store has no snapshot 1"),
    ],
    ids=["alias", "key", "rows", "predictions"],
)
def test_what_was_live_and_is_not_whole_is_not_adopted_and_the_log_says_why(
    settings: Settings, caplog: pytest.LogCaptureFixture, break_old_state: Callable[[Settings], object], reason: str
) -> None:
    redis, record = redis_of(settings), read_record(settings)
    pointer = redis.get(flip.POINTER)
    with connect(settings) as conn:
        conn.execute("create table kept as select * from deployment")
        conn.execute("create table kept_sets as select * from feature_set")
        conn.execute("create table kept_predictions as select * from prediction_set")
    write_old_keys(settings)
    with connect(settings) as conn:
        conn.execute("delete from deployment")
        conn.execute("delete from prediction_set")
    redis.delete(flip.POINTER)
    try:
        break_old_state(settings)
        reconcile_deployment.run(settings)
        (warning,) = [each for each in caplog.messages if each.startswith(adopt.NOT_ADOPTED)]
        assert reason in warning
        assert read_record(settings) == []
        assert redis.get(flip.POINTER) is None
    finally:
        redis.set(flip.POINTER, pointer)
        redis.delete(adopt.FEATURES_KEY, adopt.PREDICTIONS_KEY)
        move_alias(settings, record[-1].model_version)
        with connect(settings) as conn:
            for table, kept in (("feature_set", "kept_sets"), ("prediction_set", "kept_predictions")):
                conn.execute(f"delete from {table}".encode())  # noqa: S608  # our own names
                conn.execute(f"insert into {table} select * from {kept}".encode())  # noqa: S608
                conn.execute(f"drop table {kept}".encode())
            conn.execute("insert into deployment overriding system value select * from kept")
            conn.execute("drop table kept")
    reconcile_deployment.run(settings)
    assert read_record(settings) == record
    assert_one_whole_deployment_is_live(settings)


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


def test_a_rollback_is_one_step_and_what_it_left_stays_out(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    *_, second, third = read_record(settings)
    before = read_key(settings, flip.POINTER)
    rollback.run(settings, None, "worse answers", "someone@somewhere")
    back = assert_one_whole_deployment_is_live(settings)
    assert (back.kind, back.parts, back.replaces) == ("rollback", second.parts, third.deployment)
    assert (back.reason, back.made_by) == ("worse answers", "someone@somewhere")
    assert read_record(settings)[-2].ended_how == "rolled back"
    record = read_record(settings)
    with caplog.at_level("INFO", "tasks"):
        deploy_features(settings, TODAY)
        deploy_model(settings, TODAY)
    assert f"version {third.model_version} was taken out of service by deployment {back.deployment}" in caplog.text
    assert read_record(settings) == record

    rollback.run(settings, third.deployment, "it was not worse")
    forward = assert_one_whole_deployment_is_live(settings)
    assert forward.parts == third.parts
    after = read_key(settings, flip.POINTER)
    assert {name: after[name] for name in ("model", "features", "predictions")} == {
        name: before[name] for name in ("model", "features", "predictions")
    }


@pytest.mark.parametrize(("number", "reason"), [(9999, "there is no deployment 9999"), (None, "is live with the parts")])
def test_a_rollback_that_cannot_be_is_refused(number: int | None, reason: str, settings: Settings) -> None:
    record = read_record(settings)
    number = number or record[-1].deployment
    with pytest.raises(Unknown, match=reason):
        rollback.run(settings, number, "a try")
    assert read_record(settings) == record


def test_a_rollback_to_parts_that_are_gone_is_refused_and_names_them(settings: Settings) -> None:
    first, record, redis = read_record(settings)[0], read_record(settings), redis_of(settings)
    before = {key: redis.hgetall(key) for key in list(online_store.scan_keys(redis, first.feature_set))[:3]}
    redis.delete(*before)
    with pytest.raises(Unknown, match=f"cannot come back: feature set {first.feature_set} is not whole in Redis"):
        rollback.run(settings, first.deployment, "a try")
    for key, value in before.items():
        redis.hset(key, mapping=value)
    update, name = "update prediction_set set {} where prediction_set = %s", [first.prediction_set]
    with connect(settings) as conn:
        conn.execute(update.format("object_bytes = object_bytes + 1").encode(), name)
    with pytest.raises(Unknown, match=r"cannot come back: s3://.*parquet is not there with its [0-9]+ bytes"):
        rollback.run(settings, first.deployment, "a try")
    with connect(settings) as conn:
        conn.execute(update.format("object_bytes = object_bytes - 1, state = 'retired'").encode(), name)
    with pytest.raises(Unknown, match=f"predictions {first.prediction_set} are no longer kept"):
        rollback.run(settings, first.deployment, "a try")
    with connect(settings) as conn:
        conn.execute(update.format("state = 'ready'").encode(), name)
    assert read_record(settings) == record
    assert_one_whole_deployment_is_live(settings)


def test_a_rollback_is_done_before_the_table_and_the_alias_follow(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S3 and MLflow hold what only people read; a rollback does not wait for them."""
    number = read_record(settings)[-2].deployment

    def fail(*_: Any) -> None:
        raise Unavailable("S3 does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(flip, "read_predictions", fail)
        rollback.run(settings, number, "worse answers")
    live = read_live_deployment(settings)
    assert read_key(settings, flip.POINTER)["deployment"] == live.deployment
    assert live.alias_at is None
    assert "do not follow yet, the DAG reconcile tries again: S3 does not answer" in caplog.text
    reconcile_deployment.run(settings)
    assert assert_one_whole_deployment_is_live(settings).deployment == live.deployment


def test_a_rollback_waits_for_a_lease_that_is_held_for_a_moment(settings: Settings) -> None:
    target = read_record(settings)[-2].deployment
    begun = Event()

    def hold_for_a_moment() -> None:
        with take(settings, flip.LEASE):
            begun.set()
            time.sleep(2)

    with ThreadPoolExecutor() as pool:
        holder = pool.submit(hold_for_a_moment)
        assert begun.wait(30)
        rollback.run(settings, target, "worse answers")
        holder.result()
    assert assert_one_whole_deployment_is_live(settings).kind == "rollback"


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


def test_an_alias_that_was_moved_to_what_cannot_be_served_is_put_back(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
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


def test_a_store_that_is_away_is_unavailable(settings: Settings) -> None:
    away = settings.model_copy(update={"feast_redis": SecretStr("127.0.0.1:1")})
    with pytest.raises(Unavailable, match="Redis: "):
        run_verb(deploy, away, TODAY, part="features")
    with pytest.raises(Unavailable, match="Redis: "):
        rollback.run(away, None, "a try")
    with pytest.raises(Unavailable, match="Redis: "):
        reconcile_deployment.run(away)
