"""Features whose snapshot was removed from the offline store: what works, what is refused in a sentence, what mends it."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tasks import build_features, predict_all, publish_features, reconcile_deployment, rollback
from tasks.core.deployment.record import Deployment
from tasks.core.errors import BadInput
from tasks.io.feast import offline_store, online_store
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.serving.tiny_models import export_onnx
from tests.tasks.deployments import assert_one_whole_deployment_is_live
from tests.tasks.movies import FEATURES, TODAY, add_movies, crown, fit, publish, read_snapshot_id
from tests.tasks.settings_factory import (
    deploy_features,
    deploy_model,
    in_environment,
    own_environment,
    read_live_deployment,
    run_verb,
)

pytestmark = pytest.mark.integration

IMAGE, DIGEST = "marquee/tasks:1", "sha256:" + "1f" * 32


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started_stack(tmp_path_factory.mktemp("snapshots")) as servers:
        yield servers


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """Two deployments, made in containers of one image; the snapshot of the first one's features is removed."""
    with own_environment(stack) as environment, in_environment(environment, task_image=f"{IMAGE}@{DIGEST}") as settings:
        add_movies(settings)
        publish(settings)
        crown(settings, export_onnx(fit(settings, 1), FEATURES))
        deploy_model(settings, TODAY)
        first = read_live_deployment(settings)
        change_movies(settings, +1)
        publish(settings)
        deploy_features(settings, TODAY)
        remove_snapshot(first.snapshot_id)
        yield settings


def change_movies(settings: Settings, minutes: int) -> None:
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + %s", [minutes])


def remove_snapshot(snapshot_id: int) -> None:
    """As an expiry does after a person has removed the tag of its build."""
    table = offline_store.open_table()
    assert table is not None
    (tag,) = [name for name, ref in table.refs().items() if ref.snapshot_id == snapshot_id]
    table.manage_snapshots().remove_tag(tag).commit()
    table.maintenance.expire_snapshots().by_id(snapshot_id).commit()


def read_snapshot(settings: Settings, deployment: Deployment) -> int:
    """The snapshot that the deployment's feature set names now."""
    with connect(settings) as conn:
        features, _, _ = feature_sets.read_feature_set(conn, deployment.feature_set)
    return int(features.snapshot_id)


def test_a_deployment_records_the_image_of_its_task(settings: Settings) -> None:
    assert read_live_deployment(settings).images == {IMAGE: DIGEST}


def test_a_rollback_to_it_succeeds_and_logs_the_consequences(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    in_a_process = settings.model_copy(update={"task_image": None})
    rollback.run(in_a_process, None, "worse features")
    live = assert_one_whole_deployment_is_live(settings)
    assert (live.kind, live.images) == ("rollback", None)
    assert (
        f"is live, but the offline store has no snapshot {live.snapshot_id}, of its feature set {live.feature_set}" in caplog.text
    )


def test_a_new_model_cannot_predict_it_until_it_is_published_again(settings: Settings) -> None:
    live = read_live_deployment(settings)
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    with pytest.raises(BadInput, match=f"no snapshot {live.snapshot_id}, of feature set {live.feature_set}: run build_features"):
        run_verb(predict_all, settings, TODAY, part="model")
    change_movies(settings, -1)
    publish(settings)  # the set is whole in Redis: only the name of its snapshot changes
    assert read_snapshot(settings, live) == read_snapshot_id()
    deploy_model(settings, TODAY)
    deployed = assert_one_whole_deployment_is_live(settings)
    assert (deployed.model_version, deployed.feature_set) == (version, live.feature_set)


def test_rows_that_redis_lost_are_written_again_under_the_same_name_only_after_a_build(settings: Settings) -> None:
    live = read_live_deployment(settings)
    change_movies(settings, +2)
    run_verb(build_features, settings, TODAY)
    remove_snapshot(read_snapshot(settings, live))
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    keys = list(online_store.scan_keys(redis, live.feature_set))
    redis.delete(*keys[:3])
    with pytest.raises(BadInput, match=f"no snapshot {live.snapshot_id}, of feature set {live.feature_set}: run build_features"):
        reconcile_deployment.run(settings)
    change_movies(settings, -2)
    run_verb(build_features, settings, TODAY)
    run_verb(publish_features, settings, TODAY)
    assert read_snapshot(settings, live) == read_snapshot_id()
    assert online_store.count_rows(redis, live.feature_set) == len(keys)
    reconcile_deployment.run(settings)
    assert assert_one_whole_deployment_is_live(settings) == live
