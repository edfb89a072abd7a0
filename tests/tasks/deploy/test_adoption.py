"""Tests the adoption of parts that went live before there were deployments; if they are not adopted, the log gives the reason."""

import json
from collections.abc import Callable

import pytest

from tasks import reconcile_deployment
from tasks.io.deployments import adopt, flip
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.deploy.changes import redis_of, write_old_keys
from tests.tasks.deployments import assert_one_whole_deployment_is_live, move_alias, read_key, read_record
from tests.tasks.movies import TODAY
from tests.tasks.settings_factory import deploy_model, read_live_deployment

pytestmark = pytest.mark.integration


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
def test_incomplete_live_parts_are_not_adopted_and_the_log_gives_the_reason(
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
