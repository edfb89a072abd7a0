"""publish_features on the real servers: whole sets, and the same again changes no byte."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from feast import FeatureService

from feature_repo.movies import PRE_RELEASE
from feature_repo.movies import movies as movies_view
from tasks import publish_features
from tasks.core.features.content import TIMES
from tasks.io.feast import definitions, offline_store, online_store
from tasks.io.feast.feature_set_writer import select_tmdb_ids
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.features_to_model.state import MOVIES, TODAY, read_ready, read_sets, state_of_redis
from tests.tasks.offline import read_present
from tests.tasks.settings_factory import run_verb

pytestmark = pytest.mark.integration


def test_publishing_makes_a_whole_set_and_the_same_again_changes_no_byte(settings: Settings, movies: None) -> None:
    run_verb(publish_features, settings, TODAY)
    before, ready = state_of_redis(settings), read_ready(settings)
    assert ready.movies == MOVIES
    assert len([key for key in before if key.endswith(ready.feature_set.encode())]) == MOVIES + MOVIES // 2
    assert read_sets(settings)[-1][-1] == MOVIES + MOVIES // 2
    sets = read_sets(settings)
    run_verb(publish_features, settings, TODAY)
    assert (state_of_redis(settings), read_sets(settings)) == (before, sets)


def test_redis_holds_the_bytes_that_feast_itself_writes(settings: Settings, movies: None) -> None:
    ready, table = read_ready(settings), offline_store.open_table()
    assert table is not None
    rows = read_present(table, TODAY)
    written = "written_by_feast"
    store = online_store.open_store(written)
    definitions.apply_definitions(store, replace(ready, feature_set=written))
    for view, frame in (("movies", rows.drop("tmdb_id")), ("tmdb_ids", select_tmdb_ids(rows))):
        created = rows.select("movie_id", "created_timestamp")
        timed = frame if "created_timestamp" in frame.columns else frame.join(created, on="movie_id")
        store.write_to_online_store(view, df=timed.to_pandas())
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())

    def read(project: str) -> dict[bytes, Any]:
        keys = sorted(online_store.scan_keys(redis, project))
        with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.execute_command("HGETALL", key)  # type: ignore[no-untyped-call]
            return dict(zip((key.removesuffix(project.encode()) for key in keys), pipe.execute(), strict=True))

    assert len(read(written)) == MOVIES + MOVIES // 2
    assert read(ready.feature_set) == read(written)
    online_store.delete_set(store, redis)


def test_a_set_records_the_schema_of_the_model_s_features(settings: Settings, movies: None) -> None:
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
    assert replace(read_ready(settings), published_at=before.published_at) == before, "it is the newest again"
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    online_store.delete_set(online_store.open_store(other.feature_set), redis)
    with connect(settings) as conn:
        feature_sets.mark_retired(conn, other.feature_set)


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
    offline = read_present(table, TODAY).drop("tmdb_id", *TIMES)
    names = offline.drop("movie_id").columns
    online = online_store.read_online(online_store.open_store(live.feature_set), "movies", offline["movie_id"].to_list(), names)
    assert online.sort("movie_id").cast(offline.schema).equals(offline.sort("movie_id"), null_equal=True)
