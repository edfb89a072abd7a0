"""Snapshots that nothing needs, on the real offline store: their files go, no row does, and what was answered still replays."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pyiceberg.table import Table

from infra.local.stack import Stack
from tasks import build_features, expire_snapshots, remove_unused_parts, replay
from tasks.core.deployment.record import Deployment
from tasks.core.errors import Differs
from tasks.io.feast import offline_cleaning, offline_store
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.serving.tiny_models import export_onnx
from tests.tasks.api_answers import Answers
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

MOVIES = [f"tt8{number:06d}" for number in range(3)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started_stack(tmp_path_factory.mktemp("expired")) as servers:
        yield servers


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """Only the live deployment's parts are kept."""
    with own_environment(stack) as environment, in_environment(environment, keep_deployments=1) as settings:
        yield settings


@pytest.fixture(scope="module")
def first(stack: Stack, settings: Settings) -> tuple[Deployment, list[str]]:
    """A deployment that was replaced, and the ids of its answers; three builds since were never published, then one was."""
    add_movies(settings)
    publish(settings)
    exported = export_onnx(fit(settings, 1), FEATURES)
    version = crown(settings, exported)
    deploy_model(settings, TODAY)
    deployment = read_live_deployment(settings)
    answers = Answers(settings, stack.environment("serving")["REDIS_URL"], version, exported).predict(MOVIES)
    for _ in range(4):
        change_movies(settings)
        run_verb(build_features, settings, TODAY)
    publish(settings)
    deploy_features(settings, TODAY)
    remove_unused_parts.run(settings)
    return deployment, answers


def change_movies(settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 1")


def read_table() -> Table:
    table = offline_store.open_table()
    assert table is not None
    return table


def read_ids() -> set[int]:
    return {snapshot.snapshot_id for snapshot in read_table().snapshots()}


def expire_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all that there is had been made long ago."""
    monkeypatch.setattr(expire_snapshots, "FILE_AGE", -timedelta(minutes=1))
    expire_snapshots.run(settings.model_copy(update={"keep_snapshot_days": -1}))


def test_young_snapshots_and_files_stay_and_a_build_at_work_is_waited_for(
    settings: Settings, first: tuple[Deployment, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    files, ids = offline_cleaning.list_files(read_table()), read_ids()
    expire_snapshots.run(settings)
    assert (offline_cleaning.list_files(read_table()), read_ids()) == (files, ids)
    assert "0 of 5 snapshots expired; removed 0 of" in caplog.text
    with take(settings, "build_features"):
        expire_snapshots.run(settings.model_copy(update={"keep_snapshot_days": -1}))
    assert "left to the next run: build_features is at work" in caplog.text
    assert read_ids() == ids


def test_no_row_is_lost_and_what_is_needed_answers(
    settings: Settings,
    first: tuple[Deployment, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    deployment, answers = first
    rows = read_table().scan().to_arrow()
    stray = f"{read_table().location()}/data/killed.parquet"
    with read_table().io.new_output(stray).create() as file:
        file.write(b"as a killed build leaves one")
    with monkeypatch.context() as patch:
        patch.setattr(offline_cleaning, "remove_files", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            expire_all(settings, patch)
    before = len(offline_cleaning.list_files(read_table()))
    expire_all(settings, monkeypatch)
    assert read_ids() == {deployment.snapshot_id, read_live_deployment(settings).snapshot_id, read_snapshot_id()}
    assert caplog.text.count("expired the snapshot") == 3
    files = {file.path for file in offline_cleaning.list_files(read_table())}
    assert len(files) < before
    assert stray not in files
    assert files == offline_cleaning.read_referenced(read_table())
    assert sum("/data/" in path for path in files) == 5, "all that was ever appended"
    assert sum("/current/" in path for path in files) == 1, "the newest rows"
    assert read_table().scan().to_arrow().sort_by("movie_id").num_rows == rows.num_rows
    replay.run(settings, answers)
    assert capsys.readouterr().out.count(" equal\n") == len(MOVIES)
    expire_all(settings, monkeypatch)
    assert {file.path for file in offline_cleaning.list_files(read_table())} == files


def test_after_it_builds_go_on_and_metadata_files_are_bounded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with read_table().transaction() as transaction:
        transaction.remove_properties(*offline_store.METADATA_PROPERTIES)
    monkeypatch.setitem(offline_store.METADATA_PROPERTIES, "write.metadata.previous-versions-max", "3")
    expire_all(settings, monkeypatch)
    for _ in range(3):
        change_movies(settings)
        run_verb(build_features, settings, TODAY)
    names = [file.path.rpartition("/")[2] for file in offline_cleaning.list_files(read_table())]
    assert sum(name.endswith(".metadata.json") for name in names) == 4, "the current one and three before it"
    publish(settings)
    deploy_features(settings, TODAY)
    assert read_live_deployment(settings).snapshot_id == read_snapshot_id()


def test_a_snapshot_goes_when_its_receipts_are_gone(
    settings: Settings, first: tuple[Deployment, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, answers = first
    with connect(settings) as conn:
        conn.execute("update deployment set ended_at = %s where ended_at is not null", [datetime.now(UTC) - timedelta(days=40)])
    remove_unused_parts.run(settings)
    expire_all(settings, monkeypatch)
    assert read_ids() == {read_snapshot_id()}
    with pytest.raises(Differs, match="3 of 3 predictions differ"):
        replay.run(settings, answers)
