"""From Postgres to a champion on the real servers: build, publish, train, and each of them twice."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from feast import FeatureStore
from mlflow import MlflowClient
from pyiceberg.utils.config import Config

from infra.local.stack import Stack
from tasks import build_features, publish_features, train_model
from tasks.core.errors import BadInput, Unavailable
from tasks.io import feature_store, offline_store, postgres, registry
from tasks.io.movies_database import read_labels
from tasks.settings import Settings

pytestmark = pytest.mark.integration

TODAY = datetime.now(UTC).date()
FILMS = 600


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
    """600 invented films of 2000 to 2019 by thirty directors, each of whom is as good as their number."""
    random = np.random.default_rng(0)
    directors = random.integers(30, size=FILMS)
    with postgres.connect(settings) as conn:
        conn.execute("truncate film, rating, crew, credit, tmdb_movie, feature_set")
        for number, director in enumerate(directors):
            movie_id, rating = f"tt{number + 1:07d}", 3 + director / 6 + random.normal(scale=0.3)
            conn.execute(
                "insert into film values (%s, 'movie', %s, %s, false, %s, null, %s, '{Drama}')",
                (movie_id, f"Film {number}", f"Film {number}", 2000 + number % 20, 80 + int(random.integers(60))),
            )
            conn.execute("insert into rating values (%s, %s, %s)", (movie_id, round(float(np.clip(rating, 1, 10)), 1), 500))
            conn.execute("insert into crew values (%s, %s, '{}')", (movie_id, [f"nm{director:07d}"]))
        conn.execute(
            """insert into tmdb_movie (movie_id, tmdb_id, release_date, genres, companies, countries, spoken_languages, keywords,
                                       cast_size, crew_size, raw_key, raw_row)
               select movie_id, substr(movie_id, 3)::bigint + 1000, make_date(start_year, 6, 1),
                      '{}', '{}', '{}', '{}', '{}', 0, 0, '', 0
               from film where substr(movie_id, 3)::int % 2 = 0"""
        )


def snapshots() -> list[int]:
    table = offline_store.open_table()
    assert table is not None
    return [snapshot.snapshot_id for snapshot in table.snapshots()]


def set_rating(settings: Settings, movie_id: str, rating: float) -> None:
    with postgres.connect(settings) as conn:
        conn.execute("update rating set average_rating = %s where movie_id = %s", (rating, movie_id))


def state_of_redis(settings: Settings) -> dict[bytes, bytes]:
    redis = feature_store.open_redis(settings.feast_redis.get_secret_value())
    return {key: redis.dump(key) for key in redis.scan_iter(count=10_000)}  # type: ignore[misc]  # redis-py types both clients


def test_publishing_and_training_before_a_build_say_what_to_run(settings: Settings, movies: None) -> None:
    if offline_store.open_table() is None:
        with pytest.raises(BadInput, match="run build_features first"):
            publish_features.run(settings, TODAY)
    if feature_store.read_live(feature_store.open_redis(settings.feast_redis.get_secret_value())) is None:
        with pytest.raises(BadInput, match="run build_features and publish_features first"):
            train_model.run(settings, TODAY)


def test_a_build_is_one_tagged_snapshot_and_the_same_again_is_none(settings: Settings, movies: None) -> None:
    build_features.run(settings, TODAY)
    first = snapshots()
    build_features.run(settings, TODAY)
    assert snapshots() == first
    table = offline_store.open_table()
    assert table is not None
    assert {ref.snapshot_id for name, ref in table.refs().items() if name.startswith("build-")} == set(first)
    assert offline_store.read_latest(table, TODAY).filter(~pl.col("withdrawn")).height == FILMS


def test_a_build_killed_before_its_tag_is_tagged_by_the_next(settings: Settings, movies: None) -> None:
    table = offline_store.open_table()
    assert table is not None
    (tag,) = [name for name in table.refs() if name.startswith("build-")]
    table.manage_snapshots().remove_tag(tag).commit()
    build_features.run(settings, TODAY)
    assert tag in table.refresh().refs()


def test_an_offline_store_that_is_away_is_unavailable(settings: Settings, movies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYICEBERG_CATALOG__MARQUEE__URI", "postgresql+psycopg://feast:x@127.0.0.1:1/feast")
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    with pytest.raises(Unavailable, match="the offline store: "):
        build_features.run(settings, TODAY)


def test_publishing_makes_a_whole_set_live_and_the_same_again_changes_no_byte(settings: Settings, movies: None) -> None:
    publish_features.run(settings, TODAY)
    before = state_of_redis(settings)
    live = feature_store.read_live(feature_store.open_redis(settings.feast_redis.get_secret_value()))
    assert live is not None
    assert live.movies == FILMS
    assert len([key for key in before if key.endswith(live.feature_set.encode())]) == FILMS + FILMS // 2
    publish_features.run(settings, TODAY)
    assert state_of_redis(settings) == before


def test_every_film_reads_online_as_it_stands_offline(settings: Settings, movies: None) -> None:
    live = feature_store.read_live(feature_store.open_redis(settings.feast_redis.get_secret_value()))
    table = offline_store.open_table()
    assert live is not None
    assert table is not None
    offline = offline_store.read_latest(table, TODAY).drop("withdrawn", "tmdb_id", *offline_store.TIMES)
    names = offline.drop("movie_id").columns
    online = feature_store.read_online(feature_store.open_store(live.feature_set), "movies", offline["movie_id"].to_list(), names)
    assert online.sort("movie_id").cast(offline.schema).equals(offline.sort("movie_id"), null_equal=True)


def test_training_makes_a_champion_once(settings: Settings, movies: None) -> None:
    train_model.run(settings, TODAY)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        champion = registry.find_champion(client)
        assert champion is not None
        versions = [version.version for version in client.search_model_versions(f"name = '{registry.MODEL}'")]
        run = client.get_run(champion.run_id)
        assert run.data.metrics["gain_over_baseline"] > 0.3
        pictures = [file.path for file in client.list_artifacts(champion.run_id, "pictures")]
        assert len(pictures) == 3
        downloaded = registry.read_champion(client)
        assert downloaded is not None
        assert hashlib.sha256(downloaded.exported).hexdigest() == champion.tags[registry.DIGEST]
    train_model.run(settings, TODAY)
    assert [version.version for version in client.search_model_versions(f"name = '{registry.MODEL}'")] == versions


def test_a_promotion_that_was_cut_short_is_finished_and_a_rollback_by_hand_is_left_alone(
    settings: Settings, movies: None
) -> None:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        champion = registry.find_champion(client)
        assert champion is not None
        client.delete_registered_model_alias(registry.MODEL, registry.CHAMPION)
        train_model.run(settings, TODAY)
        assert registry.find_champion(client) is None
        client.delete_model_version_tag(registry.MODEL, champion.version, registry.PROMOTED)
        train_model.run(settings, TODAY)
        assert find_champion_version(client) == champion.version


def find_champion_version(client: MlflowClient) -> str | None:
    champion = registry.find_champion(client)
    return str(champion.version) if champion else None


def test_one_changed_rating_appends_only_the_films_it_is_history_of(settings: Settings, movies: None) -> None:
    with postgres.connect(settings) as conn:
        (director,) = conn.execute("select directors[1] from crew where movie_id = 'tt0000001'").fetchone() or ("",)
        (others,) = conn.execute(
            "select count(*) from crew where directors[1] = %s and movie_id <> 'tt0000001'", (director,)
        ).fetchone() or (0,)
    before = snapshots()
    set_rating(settings, "tt0000001", 1.0)
    build_features.run(settings, TODAY)
    table = offline_store.open_table()
    assert table is not None
    (new,) = set(snapshots()) - set(before)
    summary = table.snapshot_by_id(new).summary  # type: ignore[union-attr]
    assert summary is not None
    assert 0 < int(summary.additional_properties["added-records"]) <= others


def test_two_sets_are_kept_and_older_ones_leave_redis_and_the_registry(settings: Settings, movies: None) -> None:
    redis = feature_store.open_redis(settings.feast_redis.get_secret_value())
    names = []
    for rating in (2.0, 3.0, 4.0):
        set_rating(settings, "tt0000001", rating)
        build_features.run(settings, TODAY)
        publish_features.run(settings, TODAY)
        live = feature_store.read_live(redis)
        assert live is not None
        names.append(live.feature_set)
    assert len(set(names)) == 3
    assert [feature_store.count_rows(redis, name) > 0 for name in names] == [False, True, True]
    kept = {project.name for project in feature_store.open_store(names[-1]).list_projects()}
    assert kept == set(names[1:])


def test_a_set_that_redis_lost_is_written_again(settings: Settings, movies: None) -> None:
    redis = feature_store.open_redis(settings.feast_redis.get_secret_value())
    live = feature_store.read_live(redis)
    assert live is not None
    redis.unlink(*list(feature_store.scan_keys(redis, live.feature_set))[:10])
    publish_features.run(settings, TODAY)
    assert feature_store.count_rows(redis, live.feature_set) == FILMS + FILMS // 2


def test_a_film_that_left_the_sources_leaves_the_set(settings: Settings, movies: None) -> None:
    with postgres.connect(settings) as conn:
        conn.execute("delete from film where movie_id = 'tt0000600'")
    build_features.run(settings, TODAY)
    publish_features.run(settings, TODAY)
    live = json.loads(feature_store.open_redis(settings.feast_redis.get_secret_value()).get(feature_store.POINTER) or "{}")  # type: ignore[arg-type]
    assert live["movies"] == FILMS - 1


def test_a_row_known_only_after_the_day_never_reaches_training(
    settings: Settings, movies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted leak: a backfill describes an earlier day, but we know it only now."""
    earlier = TODAY - timedelta(days=10)
    planted = pl.DataFrame(
        {"movie_id": ["tt0000001"], "tmdb_id": [None], "title": ["Planted"], "runtime_minutes": [9999.0], "withdrawn": [False]}
    )
    offline_store.append_rows(planted, earlier, "planted")
    live = feature_store.read_live(feature_store.open_redis(settings.feast_redis.get_secret_value()))
    assert live is not None

    def runtime_known_on(day: date) -> float | None:
        with postgres.connect(settings) as conn:
            labels = read_labels(conn, 100).head(1)
        rows, _ = feature_store.read_as_of(live.feature_set, labels, day)
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
