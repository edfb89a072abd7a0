"""Tests rollbacks: one step, refused if parts are missing, and done before the table and the alias that only people read."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tasks import reconcile_deployment, rollback
from tasks.core.errors import Unavailable, Unknown
from tasks.io.deployments import flip
from tasks.io.feast import online_store
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.tasks.deploy.changes import redis_of
from tests.tasks.deployments import assert_one_whole_deployment_is_live, read_key, read_record
from tests.tasks.movies import TODAY
from tests.tasks.settings_factory import deploy_features, deploy_model, read_live_deployment

pytestmark = pytest.mark.integration


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
def test_a_rollback_without_a_possible_target_is_refused(number: int | None, reason: str, settings: Settings) -> None:
    record = read_record(settings)
    number = number or record[-1].deployment
    with pytest.raises(Unknown, match=reason):
        rollback.run(settings, number, "a try")
    assert read_record(settings) == record


def test_a_rollback_to_missing_parts_is_refused_and_names_them(settings: Settings) -> None:
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
