"""Changed sources, sets that differ, are unused or lost, and a row known only later."""

from datetime import date, timedelta

import polars as pl
import pytest
from feast import FeatureStore

from tasks import build_features, publish_features, remove_unused_parts
from tasks.core.audit.skew import Skew
from tasks.io.feast import offline_store, online_store
from tasks.io.postgres import lease
from tasks.io.postgres.connection import connect
from tasks.io.postgres.movies import read_labels
from tasks.io.postgres.skew_audits import write_audit
from tasks.settings import Settings
from tests.tasks.features_to_model.state import MOVIES, TODAY, read_ready, set_rating, snapshots
from tests.tasks.offline import append_rows
from tests.tasks.settings_factory import deploy_features, run_verb

pytestmark = pytest.mark.integration


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


def test_movies_that_are_again_as_they_were_that_day_have_the_newest_set(settings: Settings, movies: None) -> None:
    published = []
    for rating in (2.0, 3.0, 2.0, 2.0):
        set_rating(settings, "tt0000001", rating)
        run_verb(build_features, settings, TODAY)
        run_verb(publish_features, settings, TODAY)
        published.append(read_ready(settings))
    first, second, third, last = published
    assert first.feature_set == third.feature_set != second.feature_set
    assert last == third


def test_a_set_with_skew_is_written_again_if_a_person_accepts_it(settings: Settings, movies: None) -> None:
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
        append_rows(planted, earlier, "planted", held)
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
