"""Every film's rating on the real servers: the API's own answers, one file, one table, one pointer, and nothing by halves."""

import asyncio
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import mlflow
import numpy as np
import onnx
import polars as pl
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from onnx import TensorProto, helper
from pyiceberg.utils.config import Config
from sklearn.ensemble import HistGradientBoostingRegressor

from infra.local.stack import Stack
from serving.core.rating import RATING_DECIMALS
from serving.core.requested_id import RequestedId
from serving.features import feature_set, movie_row
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import build_query
from serving.models.onnx_model import load_onnx_model
from serving.settings import Settings as ServingSettings
from tasks import build_features, predict_all, publish_features
from tasks.core.errors import BadInput, Unavailable
from tasks.core.features.feature_set import FeatureSet
from tasks.core.model.onnx_model import to_matrix
from tasks.io import prediction_sets
from tasks.io.feast import offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import lease
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx, graph_onnx
from tests.tasks.settings_factory import number_attempt, overtaken, own_environment, run_verb

pytestmark = pytest.mark.integration

TODAY = (datetime.now(UTC) + timedelta(hours=2)).date()
"""Still today when the last of these tests ends: a row is known as of a day only if it was created by the end of that day."""
FILMS = 300
FEATURES = ("runtime_minutes", "director_rating", "release_year")
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """Films published in a set of their own, not yet rated."""
    with pytest.MonkeyPatch.context() as patch, own_environment(stack) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        # PyIceberg reads its environment once, when it is imported.
        patch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        settings = Settings()
        add_films(settings)
        publish(settings)
        yield settings


def add_films(settings: Settings) -> None:
    """Invented films by ten directors; of every third the runtime is unknown, and half are known to TMDB."""
    random = np.random.default_rng(3)
    with connect(settings) as conn:
        for number in range(FILMS):
            movie_id, director = f"tt8{number:06d}", f"nm{random.integers(10):07d}"
            conn.execute(
                "insert into film values (%s, 'movie', %s, %s, false, %s, null, %s, '{Drama}')",
                (movie_id, f"Film {number}", None, 2000 + number % 20, 80 + number % 60 if number % 3 else None),
            )
            conn.execute("insert into rating values (%s, %s, 500)", (movie_id, round(float(random.uniform(3, 9)), 1)))
            conn.execute("insert into crew values (%s, %s, '{}')", (movie_id, [director]))
        conn.execute(
            """insert into tmdb_movie (movie_id, tmdb_id, release_date, genres, companies, countries, spoken_languages, keywords,
                                       cast_size, crew_size, raw_key, raw_row)
               select movie_id, substr(movie_id, 3)::bigint, make_date(start_year, 6, 1),
                      '{}', '{}', '{}', '{}', '{}', 0, 0, '', 0
               from film where substr(movie_id, 3)::int % 2 = 0"""
        )


def publish(settings: Settings) -> None:
    run_verb(build_features, settings, TODAY)
    run_verb(publish_features, settings, TODAY)


def read_live(settings: Settings) -> FeatureSet:
    live = online_store.read_live(online_store.open_redis(settings.feast_redis.get_secret_value()))
    assert live is not None
    return live


def read_features(settings: Settings) -> pl.DataFrame:
    """The live set's rows as the offline store has them."""
    table = offline_store.open_table()
    assert table is not None
    rows = offline_store.read_latest(table, TODAY, int(read_live(settings).snapshot_id))
    return rows.filter(~pl.col("withdrawn")).sort("movie_id")


def fit(settings: Settings, seed: int) -> HistGradientBoostingRegressor:
    """A boosting of the live rows; another seed is another model, with outputs around 6."""
    matrix = to_matrix(read_features(settings), FEATURES)
    labels = 6 + np.random.default_rng(seed).normal(scale=0.8, size=len(matrix)).clip(-3, 3)
    return HistGradientBoostingRegressor(max_iter=60, random_state=seed).fit(matrix, labels)


def crown(settings: Settings, exported: bytes) -> str:
    """Register the model and give it the alias, as training does; returns the version."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        mlflow.set_experiment(registry.EXPERIMENT)
        with mlflow.start_run() as run:
            model = onnx.load_from_string(exported)
            logged = mlflow.onnx.log_model(model, name="onnx", save_as_external_data=False, pip_requirements=["onnxruntime"])
        if not client.search_registered_models(f"name = '{registry.MODEL}'"):
            client.create_registered_model(registry.MODEL)
        tags = {registry.DIGEST: hashlib.sha256(exported).hexdigest()}
        made = client.create_model_version(registry.MODEL, logged.model_uri, run.info.run_id, tags=tags, model_id=logged.model_id)
        client.set_registered_model_alias(registry.MODEL, registry.CHAMPION, made.version)
        return str(made.version)


def read_pointer(settings: Settings) -> dict[str, object]:
    """What predict_all tells the API; empty before it ever did."""
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    pointer: dict[str, object] = json.loads(redis.get(prediction_sets.POINTER) or "{}")  # type: ignore[arg-type]  # redis-py types both clients
    return pointer


def look(settings: Settings) -> tuple[list[Row], list[Row], list[str], dict[str, object]]:
    """All that predict_all writes: the table, its sets, the objects, the pointer."""
    with connect(settings) as conn:
        rows = conn.execute("select * from prediction order by movie_id").fetchall()
        sets = conn.execute("select * from prediction_set order by prediction_set").fetchall()
    found = boto3.client("s3").list_objects_v2(Bucket=settings.s3_bucket, Prefix="predictions/").get("Contents", [])
    return rows, sets, sorted(item["Key"] for item in found), read_pointer(settings)


def read_states(settings: Settings) -> dict[str, list[str]]:
    with connect(settings) as conn:
        states = "select state, array_agg(model_version order by model_version) from prediction_set group by 1"
        return dict(conn.execute(states.encode()).fetchall())


def test_what_is_missing_is_named_with_the_dag_that_makes_it(settings: Settings) -> None:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        if registry.find_champion(client):
            client.delete_registered_model_alias(registry.MODEL, registry.CHAMPION)
    with pytest.raises(BadInput, match="run train_model first"):
        run_verb(predict_all, settings, TODAY)
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    live = read_live(settings)
    redis.delete(online_store.POINTER)
    with pytest.raises(BadInput, match="run build_features and publish_features first"):
        run_verb(predict_all, settings, TODAY)
    online_store.write_live(redis, live)
    with pytest.raises(BadInput, match=f"is of {TODAY}, later than {TODAY - timedelta(days=1)}"):
        run_verb(predict_all, settings, TODAY - timedelta(days=1))


def test_every_film_has_the_rating_that_the_model_and_the_api_give(
    settings: Settings, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (feature_set, movie_row):  # the API refuses what is of a day to come, as TODAY is late in the evening
        monkeypatch.setattr(module, "MAX_CLOCK_SKEW", timedelta(days=1))
    model = fit(settings, 1)
    exported = export_onnx(model, FEATURES)
    version = crown(settings, exported)
    run_verb(predict_all, settings, TODAY)
    with connect(settings) as conn:
        table = {movie_id: row for movie_id, *row in conn.execute("select * from prediction").fetchall()}
        live = prediction_sets.read_live(conn)
    rows = read_features(settings)
    assert sorted(table) == rows["movie_id"].to_list()
    assert len(table) == FILMS

    predictor = load_onnx_model(exported)
    environment = stack.environment("serving") | {"MODEL_CACHE_DIR": str(tmp_path)}
    serving = ServingSettings(**{name.lower(): value for name, value in environment.items()})  # type: ignore[arg-type]  # pydantic parses strings

    async def answer() -> dict[str, tuple[float, datetime]]:
        store, query = FeatureStore(serving), build_query(predictor.features)
        try:
            read = [await store.read_movie(RequestedId(movie_id=movie_id), query) for movie_id in table]
        finally:
            await store.close()
        return {row.movie_id: (predictor.predict(row.features), row.as_of) for row in read}

    answers = asyncio.run(answer())
    fitted = dict(zip(rows["movie_id"], model.predict(to_matrix(rows, FEATURES)), strict=True))
    for movie_id, (rating, output, as_of, by, rated_set) in table.items():
        online, time = answers[movie_id]
        assert abs(output - online) <= 1e-6
        assert abs(rating - round(online, RATING_DECIMALS)) <= 1e-6
        assert abs(output - fitted[movie_id]) <= 1e-5  # float32 against float64
        assert (as_of, by, rated_set) == (time, version, read_live(settings).feature_set)

    assert live is not None
    body = boto3.client("s3").get_object(Bucket=settings.s3_bucket, Key=live.object_key)["Body"].read()
    assert live.object_key == f"predictions/{hashlib.sha256(body).hexdigest()}.parquet"
    assert (live.object_bytes, live.films, live.day) == (len(body), FILMS, TODAY)
    assert (live.model_version, live.model_sha256) == (version, hashlib.sha256(exported).hexdigest())
    file = pq.read_table(io.BytesIO(body))
    said = {name.decode(): value.decode() for name, value in file.schema.metadata.items()}
    assert {name: said[name] for name in ("prediction_set", "model_version", "model_sha256", "feature_set", "content_hash")} == {
        name: getattr(live, name) for name in ("prediction_set", "model_version", "model_sha256", "feature_set", "content_hash")
    }
    written = pl.DataFrame(file)
    assert {row[0]: list(row[1:]) for row in written.select("movie_id", *predict_all.IN_TABLE[1:]).rows()} == {
        movie_id: row[:3] for movie_id, row in table.items()
    }
    assert written.select("movie_id", "tmdb_id", "title").equals(rows.select("movie_id", "tmdb_id", "title"), null_equal=True)


def test_the_api_is_told_of_a_catalogue_of_the_same_ratings(settings: Settings) -> None:
    with connect(settings) as conn:
        table = conn.execute("select movie_id, rating, model_output, features_as_of from prediction order by movie_id").fetchall()
        live = prediction_sets.read_live(conn)
    assert live is not None
    pointer, features = read_pointer(settings), read_live(settings)
    assert pointer == {
        "prediction_set": live.prediction_set,
        "catalogue_key": f"predictions/{live.catalogue_sha256}.sqlite",
        "catalogue_sha256": live.catalogue_sha256,
        "catalogue_bytes": live.catalogue_bytes,
        "films": FILMS,
        "model_version": live.model_version,
        "model_sha256": live.model_sha256,
        "feature_set": features.feature_set,
        "day": TODAY.isoformat(),
        "predicted_at": live.predicted_at.astimezone(UTC).isoformat(),
    }
    body = boto3.client("s3").get_object(Bucket=settings.s3_bucket, Key=str(pointer["catalogue_key"]))["Body"].read()
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (pointer["catalogue_sha256"], pointer["catalogue_bytes"])
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(body)
        about = dict(database.execute("select * from about").fetchall())
        films = database.execute("select movie_id, rating, model_output, features_as_of from film order by id").fetchall()
        told = database.execute("select movie_id, tmdb_id, title, year from film order by id").fetchall()
    assert about == {
        "prediction_set": live.prediction_set,
        "model_name": registry.MODEL,
        "model_version": live.model_version,
        "model_sha256": live.model_sha256,
        "feature_set": features.feature_set,
        "content_hash": features.content_hash,
        "snapshot_id": features.snapshot_id,
    }
    assert films == [(*row[:3], int(row[3].timestamp())) for row in table]
    rows = read_features(settings).with_columns(pl.col("release_year").cast(pl.Int64))
    assert told == rows.select("movie_id", "tmdb_id", "title", "release_year").rows()


def test_a_run_that_was_killed_before_it_told_the_api_is_finished_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception): ...

    def killed(*_: object) -> None:
        raise KilledError

    told = read_pointer(settings)
    version = crown(settings, export_onnx(fit(settings, 4), FEATURES))
    with monkeypatch.context() as patch:
        patch.setattr(prediction_sets, "write_pointer", killed)
        with pytest.raises(KilledError):
            run_verb(predict_all, settings, TODAY)
    left = look(settings)
    assert read_states(settings)["live"] == [version]
    assert left[3] == told
    run_verb(predict_all, settings, TODAY)
    finished = look(settings)
    assert finished[:3] == left[:3]
    assert finished[3]["model_version"] == version

    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    redis.delete(prediction_sets.POINTER)
    run_verb(predict_all, settings, TODAY)
    assert look(settings) == finished


def test_a_set_of_before_there_were_catalogues_gets_one(settings: Settings) -> None:
    rows, _, objects, pointer = look(settings)
    with connect(settings) as conn:
        conn.execute(
            """update prediction_set set catalogue_key = null, catalogue_sha256 = null, catalogue_bytes = null
               where state = 'live'"""
        )
    run_verb(predict_all, settings, TODAY)
    again = look(settings)
    assert (again[0], again[2]) == (rows, objects)
    assert again[3] | {"predicted_at": ""} == pointer | {"predicted_at": ""}
    with connect(settings) as conn:
        live = prediction_sets.read_live(conn)
    assert live is not None
    assert live.catalogue_key == pointer["catalogue_key"]


def test_the_same_again_changes_nothing_and_a_later_day_only_the_day(settings: Settings) -> None:
    before = look(settings)
    run_verb(predict_all, settings, TODAY)
    assert look(settings) == before
    with connect(settings) as conn:
        conn.execute("update prediction_set set day = day - 1 where state = 'live'")
    run_verb(predict_all, settings, TODAY)
    assert look(settings) == before


def test_another_champion_makes_another_set_and_the_one_before_is_kept(settings: Settings) -> None:
    first = look(settings)
    exported = [export_onnx(fit(settings, seed), FEATURES) for seed in (2, 3)]
    versions = [read_states(settings)["live"][0]]
    for each in exported:
        versions.append(crown(settings, each))
        run_verb(predict_all, settings, TODAY)
    rows, sets, objects, pointer = look(settings)
    retired = {version for version in read_states(settings)["retired"] if version != versions[0]}
    assert read_states(settings) == {"retired": [*retired, versions[0]], "previous": [versions[1]], "live": [versions[2]]}
    assert len(objects) - len(first[2]) == 2 * (len(sets) - len(first[1])) == 4
    assert pointer["model_version"] == versions[2]
    assert set(first[2]) < set(objects)
    assert {row[4] for row in rows} == {versions[2]}
    assert [row[1] for row in rows] != [row[1] for row in first[0]]

    with registry.connect(settings.mlflow_tracking_uri) as client:  # a rollback by hand
        client.set_registered_model_alias(registry.MODEL, registry.CHAMPION, versions[1])
    run_verb(predict_all, settings, TODAY)
    assert read_states(settings) == {"retired": [*retired, versions[0]], "previous": [versions[2]], "live": [versions[1]]}
    assert look(settings)[2] == objects
    assert read_pointer(settings)["model_version"] == versions[1]


def test_the_same_model_under_another_version_is_named_anew(settings: Settings) -> None:
    rows, sets, objects, _ = look(settings)
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    run_verb(predict_all, settings, TODAY)
    named, again, files, pointer = look(settings)
    assert [row[:4] for row in named] == [row[:4] for row in rows]
    assert {row[4] for row in named} == {version}
    assert [(row[0], row[9]) for row in again] == [(row[0], row[9]) for row in sets]
    assert len(files) == len(objects) + 2  # both say by which version the films are rated
    assert pointer["model_version"] == version
    run_verb(predict_all, settings, TODAY)
    assert look(settings) == (named, again, files, pointer)


@pytest.mark.parametrize(
    ("step", "call", "seed"),
    [("held", 1, 10), ("check", 2, 20), ("held", 2, 30)],
    ids=["before the table", "before the swap", "before the API is told"],
)
def test_of_two_overlapping_attempts_the_later_one_s_ratings_are_live(
    settings: Settings, step: str, call: int, seed: int
) -> None:
    state: list[object] = []

    def overtake() -> None:
        crown(settings, export_onnx(fit(settings, seed + 1), FEATURES))
        run_verb(predict_all, number_attempt(settings, 2), TODAY)
        state.append(look(settings))

    overtaken_version = crown(settings, export_onnx(fit(settings, seed), FEATURES))
    with overtaken(lease.Lease, step, overtake, call):
        run_verb(predict_all, number_attempt(settings, 1), TODAY)
    assert [look(settings)] == state
    assert overtaken_version not in read_states(settings)["live"]
    assert read_pointer(settings)["model_version"] in read_states(settings)["live"]
    if seed != 30:
        assert overtaken_version not in {row[1] for row in look(settings)[1]}


def test_a_film_that_left_the_sources_is_rated_no_more(settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("delete from film where movie_id = 'tt8000007'")
    publish(settings)
    run_verb(predict_all, settings, TODAY)
    rows, sets, _, pointer = look(settings)
    assert len(rows) == pointer["films"] == FILMS - 1
    assert "tt8000007" not in {row[0] for row in rows}
    assert {row[5] for row in rows} == {read_live(settings).feature_set}
    assert [row[6] for row in sets if row[9] == "live"] == [FILMS - 1]


def test_an_implausible_model_is_refused_and_nothing_is_written(settings: Settings) -> None:
    before = look(settings)
    first = helper.make_tensor("first", TensorProto.INT64, [1], [0])
    node = helper.make_node("Gather", ["features", "first"], ["variable"], axis=1)
    crown(settings, graph_onnx([node], [first], ("release_year",)))
    with pytest.raises(BadInput, match=f"rates tt8000000 2000, .* {FILMS - 1} of {FILMS - 1} films"):
        run_verb(predict_all, settings, TODAY)
    crown(settings, graph_onnx([node], [first], ("no_such_feature",)))
    with pytest.raises(BadInput, match="reads no_such_feature"):
        run_verb(predict_all, settings, TODAY)
    assert look(settings) == before


def test_a_model_file_that_is_not_what_training_wrote_is_refused(settings: Settings) -> None:
    before, version = look(settings), crown(settings, export_onnx(fit(settings, 40), FEATURES))
    MlflowClient(settings.mlflow_tracking_uri).set_model_version_tag(registry.MODEL, version, registry.DIGEST, "0" * 64)
    with pytest.raises(Unavailable, match=f"version {version} has sha256 [0-9a-f]+, its tag says 0000"):
        run_verb(predict_all, settings, TODAY)
    assert look(settings) == before


def test_features_other_than_the_published_are_not_rated(settings: Settings) -> None:
    before, live = look(settings), read_live(settings)
    crown(settings, export_onnx(fit(settings, 41), FEATURES))
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    for other in (replace(live, content_hash="0" * 64), replace(live, snapshot_id="1")):
        online_store.write_live(redis, other)
        with pytest.raises(BadInput, match="run build_features and publish_features"):
            run_verb(predict_all, settings, TODAY)
    online_store.write_live(redis, live)
    assert look(settings) == before


def test_a_file_that_was_there_with_other_bytes_is_not_made_live(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(settings)
    body = b"what the file should be"
    key = f"predictions/{hashlib.sha256(body).hexdigest()}.parquet"
    boto3.client("s3").put_object(Bucket=settings.s3_bucket, Key=key, Body=b"something else")
    monkeypatch.setattr(predict_all, "render_parquet", lambda *_: body)
    with pytest.raises(Unavailable, match="has other bytes than its name says"):
        run_verb(predict_all, settings, TODAY)
    assert look(settings)[:2] == before[:2]


def test_a_redis_that_is_away_is_unavailable(settings: Settings) -> None:
    away = settings.model_copy(update={"feast_redis": type(settings.feast_redis)("127.0.0.1:1")})
    with pytest.raises(Unavailable, match="Redis: "):
        run_verb(predict_all, away, TODAY)
