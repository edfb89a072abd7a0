"""From Postgres to a champion on the real servers: build, publish, train, and each of them twice."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest
from feast import FeatureService, FeatureStore
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.utils.config import Config

from feature_repo.movies import PRE_RELEASE
from feature_repo.movies import movies as movies_view
from infra.local.stack import Stack
from tasks import build_features, publish_features, remove_unused_parts, train_model
from tasks.core.audit.skew import Skew
from tasks.core.errors import BadInput, Unavailable
from tasks.core.features.feature_set import FeatureSet
from tasks.core.model.onnx_model import predict_onnx, read_onnx_features
from tasks.io.feast import definitions, offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets, lease
from tasks.io.postgres.connection import connect
from tasks.io.postgres.movies import read_labels
from tasks.io.postgres.skew_audits import write_audit
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.tasks.settings_factory import deploy_features, deploy_model, number_attempt, overtaken, read_live_deployment, run_verb

pytestmark = pytest.mark.integration

TODAY = (datetime.now(UTC) + timedelta(hours=2)).date()
"""Still today when the last of these tests ends: a row is known as of a day only if it was created by the end of that day."""
MOVIES = 600


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers of its own: these tests count snapshots, sets and versions of whole stores."""
    with started_stack(tmp_path_factory.mktemp("features")) as servers:
        yield servers


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment("tasks").items():
            patch.setenv(name, value)
        # PyIceberg reads its environment once, when it is imported.
        patch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        yield Settings()


@pytest.fixture(scope="module")
def movies(settings: Settings) -> None:
    """600 invented movies of 2000 to 2019 by thirty directors, each of whom is as good as their number."""
    random = np.random.default_rng(0)
    directors = random.integers(30, size=MOVIES)
    with connect(settings) as conn:
        conn.execute("truncate movie, rating, crew, credit, tmdb_movie, feature_set, prediction_set, deployment")
        for number, director in enumerate(directors):
            movie_id, rating = f"tt{number + 1:07d}", 3 + director / 6 + random.normal(scale=0.3)
            conn.execute(
                "insert into movie values (%s, 'movie', %s, %s, false, %s, null, %s, '{Drama}')",
                (movie_id, f"Film {number}", f"Film {number}", 2000 + number % 20, 80 + int(random.integers(60))),
            )
            conn.execute("insert into rating values (%s, %s, %s)", (movie_id, round(float(np.clip(rating, 1, 10)), 1), 500))
            conn.execute("insert into crew values (%s, %s, '{}')", (movie_id, [f"nm{director:07d}"]))
        conn.execute(
            """insert into tmdb_movie (movie_id, tmdb_id, release_date, genres, companies, countries, spoken_languages, keywords,
                                       cast_size, crew_size, raw_key, raw_row)
               select movie_id, substr(movie_id, 3)::bigint + 1000, make_date(start_year, 6, 1),
                      '{}', '{}', '{}', '{}', '{}', 0, 0, '', 0
               from movie where substr(movie_id, 3)::int % 2 = 0"""
        )


def snapshots() -> list[int]:
    table = offline_store.open_table()
    assert table is not None
    return [snapshot.snapshot_id for snapshot in table.snapshots()]


def set_rating(settings: Settings, movie_id: str, rating: float) -> None:
    with connect(settings) as conn:
        conn.execute("update rating set average_rating = %s where movie_id = %s", (rating, movie_id))


def state_of_redis(settings: Settings) -> dict[bytes, bytes]:
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    return {key: redis.dump(key) for key in redis.scan_iter(count=10_000)}  # type: ignore[misc]  # redis-py types both clients


def test_publishing_and_training_before_a_build_say_what_to_run(settings: Settings, movies: None) -> None:
    if offline_store.open_table() is None:
        with pytest.raises(BadInput, match="run build_features first"):
            run_verb(publish_features, settings, TODAY)
    with pytest.raises(BadInput, match="run build_features and publish_features first"):
        run_verb(train_model, settings, TODAY)


def test_a_build_is_one_tagged_snapshot_and_the_same_again_is_none(settings: Settings, movies: None) -> None:
    run_verb(build_features, settings, TODAY)
    first = snapshots()
    run_verb(build_features, settings, TODAY)
    assert snapshots() == first
    table = offline_store.open_table()
    assert table is not None
    assert {ref.snapshot_id for name, ref in table.refs().items() if name.startswith("build-")} == set(first)
    assert offline_store.read_latest(table, TODAY).filter(~pl.col("withdrawn")).height == MOVIES


def test_a_build_killed_before_its_tag_is_tagged_by_the_next(settings: Settings, movies: None) -> None:
    table = offline_store.open_table()
    assert table is not None
    (tag,) = [name for name in table.refs() if name.startswith("build-")]
    table.manage_snapshots().remove_tag(tag).commit()
    run_verb(build_features, settings, TODAY)
    assert tag in table.refresh().refs()


def test_an_offline_store_that_is_away_is_unavailable(settings: Settings, movies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYICEBERG_CATALOG__MARQUEE__URI", "postgresql+psycopg://feast:x@127.0.0.1:1/feast")
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    with pytest.raises(Unavailable, match="the offline store: "):
        run_verb(build_features, settings, TODAY)


def test_publishing_makes_a_whole_set_and_the_same_again_changes_no_byte(settings: Settings, movies: None) -> None:
    run_verb(publish_features, settings, TODAY)
    before, ready = state_of_redis(settings), read_ready(settings)
    assert ready.movies == MOVIES
    assert len([key for key in before if key.endswith(ready.feature_set.encode())]) == MOVIES + MOVIES // 2
    assert read_sets(settings)[-1][-1] == MOVIES + MOVIES // 2
    sets = read_sets(settings)
    run_verb(publish_features, settings, TODAY)
    assert (state_of_redis(settings), read_sets(settings)) == (before, sets)


def read_ready(settings: Settings) -> FeatureSet:
    """The newest set that may go live."""
    with connect(settings) as conn:
        return feature_sets.read_ready(conn)[-1]


def read_sets(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as conn:
        return conn.execute("select * from feature_set order by published_at").fetchall()


def test_a_set_tells_the_schema_of_the_model_s_features(settings: Settings, movies: None) -> None:
    fields = sorted([name, "Float64"] for name in PRE_RELEASE)
    text = json.dumps(fields, separators=(",", ":")).encode()
    assert read_ready(settings).schema_hash == hashlib.sha256(text).hexdigest()


def test_the_same_rows_on_a_later_day_are_the_same_set_and_an_older_day_changes_nothing(settings: Settings, movies: None) -> None:
    before, ready = state_of_redis(settings), read_ready(settings)
    with connect(settings) as conn:
        conn.execute("update feature_set set day = day - 3 where feature_set = %s", [ready.feature_set])
    run_verb(publish_features, settings, TODAY)
    assert (state_of_redis(settings), read_ready(settings)) == (before, ready)
    with connect(settings) as conn:
        conn.execute("update feature_set set day = day + 3 where feature_set = %s", [ready.feature_set])
    later = read_ready(settings)
    run_verb(publish_features, settings, TODAY)
    assert (state_of_redis(settings), read_ready(settings)) == (before, later)
    with connect(settings) as conn:
        conn.execute("update feature_set set day = day - 3 where feature_set = %s", [ready.feature_set])


def test_a_set_of_other_definitions_is_published_beside_it(
    settings: Settings, movies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, contents = read_ready(settings), definitions.read_definitions()
    fewer = FeatureService(name="pre_release", features=[movies_view[list(PRE_RELEASE)[1:]]])
    changed = contents._replace(feature_services=[fewer])
    with monkeypatch.context() as patch:
        patch.setattr(definitions, "read_definitions", lambda: changed)
        run_verb(publish_features, settings, TODAY)
        other = read_ready(settings)
        assert (other.content_hash, other.schema_hash == before.schema_hash) == (before.content_hash, False)
        assert other.feature_set != before.feature_set
        registered = online_store.open_store(other.feature_set).get_feature_service("pre_release")
        assert [len(view.features) for view in registered.feature_view_projections] == [len(PRE_RELEASE) - 1]
        again = state_of_redis(settings)
        run_verb(publish_features, settings, TODAY)
        assert state_of_redis(settings) == again
    again = state_of_redis(settings)
    run_verb(publish_features, settings, TODAY)
    assert state_of_redis(settings) == again  # the set of before is whole still
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    online_store.delete_set(online_store.open_store(other.feature_set), redis)
    with connect(settings) as conn:  # so that the tests below meet the set of before as the newest
        feature_sets.mark_retired(conn, other.feature_set)
    assert read_ready(settings) == before


def test_a_set_that_was_removed_is_written_again(settings: Settings, movies: None) -> None:
    live, redis = read_ready(settings), online_store.open_redis(settings.feast_redis.get_secret_value())
    for _ in range(2):  # a removal that was killed near its end begins anew
        online_store.delete_set(online_store.open_store(live.feature_set), redis)
    assert definitions.read_schema(online_store.open_store(live.feature_set)) == ""
    run_verb(publish_features, settings, TODAY)
    assert definitions.read_schema(online_store.open_store(live.feature_set)) == live.schema_hash
    assert online_store.count_rows(redis, live.feature_set) == MOVIES + MOVIES // 2


def test_every_movie_reads_online_as_it_stands_offline(settings: Settings, movies: None) -> None:
    live = read_ready(settings)
    table = offline_store.open_table()
    assert table is not None
    offline = offline_store.read_latest(table, TODAY).drop("withdrawn", "tmdb_id", *offline_store.TIMES)
    names = offline.drop("movie_id").columns
    online = online_store.read_online(online_store.open_store(live.feature_set), "movies", offline["movie_id"].to_list(), names)
    assert online.sort("movie_id").cast(offline.schema).equals(offline.sort("movie_id"), null_equal=True)


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


def read_newest(client: MlflowClient) -> ModelVersion:
    return max(client.search_model_versions(f"name = '{registry.MODEL}'"), key=lambda version: int(version.version))


def read_versions(client: MlflowClient) -> list[tuple[str, dict[str, str]]]:
    found = [(str(version.version), version.tags) for version in client.search_model_versions(f"name = '{registry.MODEL}'")]
    return sorted(found, key=lambda version: int(version[0]))


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
    assert (release["training_snapshot"], release["training_day"]) == (str(offline_store.read_snapshot_id()), TODAY.isoformat())
    assert release["training_id"] == version.tags[registry.TRAINING_ID]
    assert release["metrics"] == metrics
    names = read_onnx_features(exported)
    assert sorted(release["ranges"]) == sorted(names)
    golden = np.array(release["golden"]["features"], np.float32)
    assert golden.shape == (32, len(names))
    assert np.isnan(golden[0]).all()
    assert predict_onnx(exported, golden).tolist() == release["golden"]["ratings"]


def test_a_live_model_of_features_that_are_no_more_holds_no_other_back(settings: Settings, movies: None) -> None:
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


def test_one_changed_rating_appends_only_the_movies_it_is_history_of(settings: Settings, movies: None) -> None:
    with connect(settings) as conn:
        (director,) = conn.execute("select directors[1] from crew where movie_id = 'tt0000001'").fetchone() or ("",)
        (others,) = conn.execute(
            "select count(*) from crew where directors[1] = %s and movie_id <> 'tt0000001'", (director,)
        ).fetchone() or (0,)
    before = snapshots()
    set_rating(settings, "tt0000001", 1.0)
    run_verb(build_features, settings, TODAY)
    table = offline_store.open_table()
    assert table is not None
    (new,) = set(snapshots()) - set(before)
    summary = table.snapshot_by_id(new).summary  # type: ignore[union-attr]
    assert summary is not None
    assert 0 < int(summary.additional_properties["added-records"]) <= others


def test_a_set_that_was_found_to_differ_is_written_anew_when_people_say_so(settings: Settings, movies: None) -> None:
    run_verb(publish_features, settings, TODAY)
    before = read_ready(settings)
    with connect(settings) as conn:
        skew = Skew("runtime_minutes", 10, 1, "0" * 32)
        write_audit(conn, "audit", TODAY, "accepted", [skew])
    try:
        run_verb(publish_features, settings, TODAY)
        after = read_ready(settings)
        assert (after.content_hash, after.movies) == (before.content_hash, before.movies)
        assert after.feature_set != before.feature_set
        run_verb(publish_features, settings, TODAY)
        assert read_ready(settings) == after
    finally:
        with connect(settings) as conn:
            conn.execute("delete from skew_audit where audit_id = 'audit'")


def test_the_sets_of_the_last_deployments_are_kept_and_others_leave_redis_and_the_registry(
    settings: Settings, movies: None
) -> None:
    redis, keep_two = (
        online_store.open_redis(settings.feast_redis.get_secret_value()),
        settings.model_copy(update={"keep_deployments": 2}),
    )
    names = []
    for rating in (2.0, 3.0, 4.0, 5.0):
        set_rating(settings, "tt0000001", rating)
        run_verb(build_features, settings, TODAY)
        run_verb(publish_features, settings, TODAY)
        names.append(read_ready(settings).feature_set)
        if rating < 5.0:  # the last one is prepared, and newer than the live one
            deploy_features(settings, TODAY)
    assert len(set(names)) == 4
    for _ in range(2):
        remove_unused_parts.run(keep_two)
        assert [online_store.count_rows(redis, name) > 0 for name in names] == [False, True, True, True]
        kept = {project.name for project in online_store.open_store(names[-1]).list_projects()}
        assert kept == set(names[1:])
    with connect(settings) as conn:
        sets = dict(conn.execute("select feature_set, state from feature_set").fetchall())
        predicted = dict(conn.execute("select feature_set, state from prediction_set").fetchall())
    assert {name for name, state in sets.items() if state == "ready"} == set(names[1:])
    assert [predicted[name] for name in names[:3]] == ["retired", "ready", "ready"]


def test_a_set_that_redis_lost_is_written_again(settings: Settings, movies: None) -> None:
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    live = read_ready(settings)
    redis.unlink(*list(online_store.scan_keys(redis, live.feature_set))[:10])
    run_verb(publish_features, settings, TODAY)
    assert online_store.count_rows(redis, live.feature_set) == MOVIES + MOVIES // 2


def test_a_movie_that_left_the_sources_leaves_the_set(settings: Settings, movies: None) -> None:
    with connect(settings) as conn:
        conn.execute("delete from movie where movie_id = 'tt0000600'")
    run_verb(build_features, settings, TODAY)
    run_verb(publish_features, settings, TODAY)
    assert read_ready(settings).movies == MOVIES - 1


def test_a_row_known_only_after_the_day_never_reaches_training(
    settings: Settings, movies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted leak: a backfill describes an earlier day, but we know it only now."""
    earlier = TODAY - timedelta(days=10)
    planted = pl.DataFrame(
        {"movie_id": ["tt0000001"], "tmdb_id": [None], "title": ["Planted"], "runtime_minutes": [9999.0], "withdrawn": [False]}
    )
    with lease.take(settings, "build_features") as held:
        offline_store.append_rows(planted, earlier, datetime.now(UTC), "planted", held)
    live = read_ready(settings)

    def runtime_known_on(day: date) -> float | None:
        with connect(settings) as conn:
            labels = read_labels(conn, 100).head(1)
        rows, _ = online_store.read_as_of(live.feature_set, labels, day)
        value: float | None = rows["runtime_minutes"][0]
        return value

    assert runtime_known_on(earlier) is None

    honest = FeatureStore.get_historical_features
    monkeypatch.setattr(
        FeatureStore,
        "get_historical_features",
        lambda *args, **named: honest(*args, **named | {"filter_by_created_timestamp": False}),
    )
    assert runtime_known_on(earlier) == 9999.0, "without the cut-off the planted row gets through: the test above can fail"


def test_of_two_overlapping_builds_the_later_one_appends(settings: Settings, movies: None) -> None:
    set_rating(settings, "tt0000001", 4.6)
    after: list[list[int]] = []

    def overtake() -> None:
        run_verb(build_features, number_attempt(settings, 2), TODAY)
        after.append(snapshots())

    before = snapshots()
    with overtaken(lease.Lease, "held", overtake):
        run_verb(build_features, number_attempt(settings, 1), TODAY)
    assert [snapshots()] == after
    assert len(after[0]) == len(before) + 1


def test_an_append_that_comes_too_late_is_not_put_on_top(settings: Settings, movies: None) -> None:
    """What is left where a process was stopped in its commit: PyIceberg itself must refuse."""
    table = offline_store.open_table()
    assert table is not None
    rows = offline_store.read_latest(table, TODAY).drop(offline_store.TIMES).head(1)
    late = table.transaction()
    late.append(table.scan(limit=1).to_arrow())
    with lease.take(settings, "build_features") as held:
        offline_store.append_rows(rows, TODAY, datetime.now(UTC), "first", held)
    before = snapshots()
    with pytest.raises(CommitFailedException):
        late.commit_transaction()
    assert snapshots() == before


@pytest.mark.parametrize("commit", [1, 3, 5], ids=["start", "rows", "ready"])
def test_of_two_overlapping_publishers_the_later_one_s_set_is_the_newest(settings: Settings, movies: None, commit: int) -> None:
    newest: list[FeatureSet] = []

    def overtake() -> None:
        set_rating(settings, "tt0000001", 7.0 + commit / 10)
        run_verb(build_features, settings, TODAY)
        run_verb(publish_features, number_attempt(settings, 2), TODAY)
        newest.append(read_ready(settings))

    set_rating(settings, "tt0000001", 6.0 + commit / 10)
    run_verb(build_features, settings, TODAY)
    with overtaken(lease.Lease, "held", overtake, commit):
        run_verb(publish_features, number_attempt(settings, 1), TODAY)
    assert [read_ready(settings)] == newest
    with connect(settings) as conn:
        states = {state for (state,) in conn.execute("select distinct state from feature_set").fetchall()}
    assert ("writing" in states) == (commit > 1)
    deploy_features(settings, TODAY)
    assert read_live_deployment(settings).feature_set == newest[0].feature_set
    remove_unused_parts.run(settings)
    with connect(settings) as conn:
        states = {state for (state,) in conn.execute("select distinct state from feature_set").fetchall()}
    assert "writing" not in states


def test_of_two_overlapping_trainings_the_later_one_registers(settings: Settings, movies: None) -> None:
    after: list[object] = []

    def look() -> object:
        with registry.connect(settings.mlflow_tracking_uri) as client:
            return read_versions(client)

    def overtake() -> None:
        run_verb(train_model, number_attempt(settings, 2), TODAY)
        after.append(look())

    before = look()
    with overtaken(lease.Lease, "held", overtake):
        run_verb(train_model, number_attempt(settings, 1), TODAY)
    assert [look()] == after
    assert before not in after
