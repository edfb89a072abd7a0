"""Every movie's rating on the real servers: the API's own answers, one file, one table, one pointer, and nothing by halves."""

import asyncio
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import mlflow
import numpy as np
import onnx
import polars as pl
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from onnx import TensorProto, helper
from psycopg import sql
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
from tasks import build_features, deploy, predict_all, publish_features
from tasks.core.errors import BadInput, BadModel, Unavailable
from tasks.core.features.feature_set import FeatureSet
from tasks.core.model.onnx_model import to_matrix
from tasks.io import prediction_sets
from tasks.io.deployments import flip, predictions
from tasks.io.feast import offline_store, online_store
from tasks.io.mlflow import registry, training_runs
from tasks.io.postgres import feature_sets, lease
from tasks.io.postgres.connection import connect
from tasks.io.prediction_sets import PredictionSet
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx, graph_onnx
from tests.tasks.settings_factory import deploy_features, deploy_model, number_attempt, overtaken, own_environment, run_verb

pytestmark = pytest.mark.integration

TODAY = (datetime.now(UTC) + timedelta(hours=2)).date()
"""Still today when the last of these tests ends: a row is known as of a day only if it was created by the end of that day."""
MOVIES = 300
FEATURES = ("runtime_minutes", "director_rating", "release_year")
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """Movies published in a set of their own, not yet rated."""
    with pytest.MonkeyPatch.context() as patch, own_environment(stack) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        # PyIceberg reads its environment once, when it is imported.
        patch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        settings = Settings()
        forget_models(settings)
        add_movies(settings)
        publish(settings)
        yield settings


def forget_models(settings: Settings) -> None:
    """The versions of other tests on the same servers would be newer ones to deploy."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        if client.search_registered_models(f"name = '{registry.MODEL}'"):
            client.delete_registered_model(registry.MODEL)
    online_store.open_redis(settings.feast_redis.get_secret_value()).delete(flip.POINTER)


def add_movies(settings: Settings) -> None:
    """Invented movies by ten directors; of every third the runtime is unknown, and half are known to TMDB."""
    random = np.random.default_rng(3)
    with connect(settings) as conn:
        for number in range(MOVIES):
            movie_id, director = f"tt8{number:06d}", f"nm{random.integers(10):07d}"
            conn.execute(
                "insert into movie values (%s, 'movie', %s, %s, false, %s, null, %s, '{Drama}')",
                (movie_id, f"Film {number}", None, 2000 + number % 20, 80 + number % 60 if number % 3 else None),
            )
            conn.execute("insert into rating values (%s, %s, 500)", (movie_id, round(float(random.uniform(3, 9)), 1)))
            conn.execute("insert into crew values (%s, %s, '{}')", (movie_id, [director]))
        conn.execute(
            """insert into tmdb_movie (movie_id, tmdb_id, release_date, genres, companies, countries, spoken_languages, keywords,
                                       cast_size, crew_size, raw_key, raw_row)
               select movie_id, substr(movie_id, 3)::bigint, make_date(start_year, 6, 1),
                      '{}', '{}', '{}', '{}', '{}', 0, 0, '', 0
               from movie where substr(movie_id, 3)::int % 2 = 0"""
        )


def publish(settings: Settings) -> None:
    publish_day(settings, TODAY)


def publish_day(settings: Settings, day: date) -> None:
    run_verb(build_features, settings, day)
    run_verb(publish_features, settings, day)


def read_live(settings: Settings) -> FeatureSet:
    """The newest feature set that is ready: the live one once it is deployed."""
    with connect(settings) as conn:
        return feature_sets.read_ready(conn)[-1]


def read_features(settings: Settings, day: date = TODAY) -> pl.DataFrame:
    """The live set's rows as the offline store has them."""
    table = offline_store.open_table()
    assert table is not None
    rows = offline_store.read_latest(table, day, int(read_live(settings).snapshot_id))
    return rows.filter(~pl.col("withdrawn")).sort("movie_id")


def fit(settings: Settings, seed: int, day: date = TODAY) -> HistGradientBoostingRegressor:
    """A boosting of the live rows; another seed is another model, with outputs around 6."""
    matrix = to_matrix(read_features(settings, day), FEATURES)
    labels = 6 + np.random.default_rng(seed).normal(scale=0.8, size=len(matrix)).clip(-3, 3)
    return HistGradientBoostingRegressor(max_iter=60, random_state=seed).fit(matrix, labels)


def crown(settings: Settings, exported: bytes) -> str:
    """Register the model as one that passed the gate, as training does; returns the version."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        mlflow.set_experiment(training_runs.EXPERIMENT)
        with mlflow.start_run() as run:
            model = onnx.load_from_string(exported)
            logged = mlflow.onnx.log_model(model, name="onnx", save_as_external_data=False, pip_requirements=["onnxruntime"])
        if not client.search_registered_models(f"name = '{registry.MODEL}'"):
            client.create_registered_model(registry.MODEL)
        tags = {
            registry.DIGEST: hashlib.sha256(exported).hexdigest(),
            registry.RELEASE_DIGEST: "0" * 64,
            registry.SCHEMA: read_live(settings).schema_hash,
            registry.GATE: "passed",
        }
        made = client.create_model_version(registry.MODEL, logged.model_uri, run.info.run_id, tags=tags, model_id=logged.model_id)
        return str(made.version)


def read_pointer(settings: Settings) -> dict[str, Any]:
    """What the API reads; empty before the first deployment."""
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    pointer: dict[str, Any] = json.loads(redis.get(flip.POINTER) or "{}")  # type: ignore[arg-type]  # redis-py types both clients
    return pointer


def look(settings: Settings) -> tuple[list[Row], list[Row], list[str], dict[str, Any]]:
    """All that predicting and deploying write: the table, the sets, the objects, the pointer."""
    with connect(settings) as conn:
        rows = conn.execute("select * from prediction order by movie_id").fetchall()
        sets = conn.execute("select * from prediction_set order by prediction_set").fetchall()
    found = boto3.client("s3").list_objects_v2(Bucket=settings.s3_bucket, Prefix="predictions/").get("Contents", [])
    return rows, sets, sorted(item["Key"] for item in found), read_pointer(settings)


def read_set_of(settings: Settings, version: str) -> PredictionSet:
    """The prediction set of the newest features by this version."""
    with connect(settings) as conn:
        sha256 = conn.execute("select model_sha256 from prediction_set where model_version = %s limit 1", [version]).fetchone()
        found = prediction_sets.find_set(conn, version, str((sha256 or ("",))[0]), read_live(settings).feature_set)
    assert found is not None
    return found


def test_before_there_is_a_model_there_is_nothing_to_predict(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    before = look(settings)
    with caplog.at_level("INFO", "tasks"):
        run_verb(predict_all, settings, TODAY, part="features")
        run_verb(predict_all, settings, TODAY, part="model")
    assert "nothing to predict: no model is live yet: train_model makes the first deployment" in caplog.text
    assert "nothing to predict: no version of the model has passed" in caplog.text
    assert look(settings) == before


def test_every_movie_has_the_rating_that_the_model_and_the_api_give(
    settings: Settings, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (feature_set, movie_row):  # the API refuses what is of a day to come, as TODAY is late in the evening
        monkeypatch.setattr(module, "MAX_CLOCK_SKEW", timedelta(days=1))
    model = fit(settings, 1)
    exported = export_onnx(model, FEATURES)
    version = crown(settings, exported)
    deploy_model(settings, TODAY)
    with connect(settings) as conn:
        table = {movie_id: row for movie_id, *row in conn.execute("select * from prediction").fetchall()}
    live = read_set_of(settings, version)
    rows = read_features(settings)
    assert sorted(table) == rows["movie_id"].to_list()
    assert len(table) == MOVIES

    predictor = load_onnx_model(exported)
    environment = stack.environment("serving") | {"DEPLOYMENT_CACHE_DIR": str(tmp_path)}
    serving = ServingSettings(**{name.lower(): value for name, value in environment.items()})  # type: ignore[arg-type]  # pydantic parses strings

    async def answer() -> dict[str, tuple[float, datetime]]:
        store, query = FeatureStore(serving), build_query(predictor.features)
        published = feature_set.parse_feature_set(read_pointer(settings)["features"])
        try:
            read = [await store.read_movie(RequestedId(movie_id=movie_id), query, published) for movie_id in table]
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

    body = boto3.client("s3").get_object(Bucket=settings.s3_bucket, Key=live.object_key)["Body"].read()
    assert live.object_key == f"predictions/{hashlib.sha256(body).hexdigest()}.parquet"
    assert (live.object_bytes, live.movies, live.day) == (len(body), MOVIES, TODAY)
    assert (live.model_version, live.model_sha256) == (version, hashlib.sha256(exported).hexdigest())
    file = pq.read_table(io.BytesIO(body))
    said = {name.decode(): value.decode() for name, value in file.schema.metadata.items()}
    assert {name: said[name] for name in ("prediction_set", "model_version", "model_sha256", "feature_set", "content_hash")} == {
        name: getattr(live, name) for name in ("prediction_set", "model_version", "model_sha256", "feature_set", "content_hash")
    }
    written = pl.DataFrame(file)
    assert {row[0]: list(row[1:]) for row in written.select("movie_id", *flip.IN_TABLE[1:]).rows()} == {
        movie_id: row[:3] for movie_id, row in table.items()
    }
    assert written.select("movie_id", "tmdb_id", "title").equals(rows.select("movie_id", "tmdb_id", "title"), null_equal=True)


def test_the_pointer_names_a_database_of_the_same_ratings(settings: Settings) -> None:
    with connect(settings) as conn:
        table = conn.execute("select movie_id, rating, model_output, features_as_of from prediction order by movie_id").fetchall()
    pointer, features = read_pointer(settings)["predictions"], read_live(settings)
    live = read_set_of(settings, read_pointer(settings)["model"]["version"])
    assert pointer == {
        "prediction_set": live.prediction_set,
        "database_key": f"predictions/{live.catalogue_sha256}.sqlite",
        "database_sha256": live.catalogue_sha256,
        "database_bytes": live.catalogue_bytes,
        "movies": MOVIES,
        "day": TODAY.isoformat(),
    }
    body = boto3.client("s3").get_object(Bucket=settings.s3_bucket, Key=str(pointer["database_key"]))["Body"].read()
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (pointer["database_sha256"], pointer["database_bytes"])
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(body)
        about = dict(database.execute("select * from about").fetchall())
        movies = database.execute("select movie_id, rating, model_output, features_as_of from movie order by movie_id").fetchall()
        told = database.execute("select movie_id, tmdb_id, title, year from movie order by movie_id").fetchall()
    assert about == {
        "prediction_set": live.prediction_set,
        "model_name": registry.MODEL,
        "model_version": live.model_version,
        "model_sha256": live.model_sha256,
        "feature_set": features.feature_set,
        "content_hash": features.content_hash,
        "snapshot_id": features.snapshot_id,
        "format": "2",
    }
    assert movies == [(*row[:3], int(row[3].timestamp())) for row in table]
    rows = read_features(settings).with_columns(pl.col("release_year").cast(pl.Int64))
    assert told == rows.select("movie_id", "tmdb_id", "title", "release_year").rows()


def test_the_same_again_changes_nothing(settings: Settings) -> None:
    before = look(settings)
    deploy_model(settings, TODAY)
    deploy_features(settings, TODAY)
    assert look(settings) == before


def test_another_model_makes_another_set_and_the_one_before_is_kept(settings: Settings) -> None:
    first = look(settings)
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    run_verb(predict_all, settings, TODAY, part="model")
    rows, sets, objects, pointer = look(settings)
    assert (rows, pointer) == (first[0], first[3])  # prepared, not live
    assert len(objects) - len(first[2]) == 2 * (len(sets) - len(first[1])) == 2
    deploy_model(settings, TODAY)
    rows, again, files, pointer = look(settings)
    assert (again, files) == (sets, objects)
    assert pointer["model"]["version"] == version
    assert {row[4] for row in rows} == {version}
    assert [row[1] for row in rows] != [row[1] for row in first[0]]


def test_the_same_model_under_another_version_is_a_set_of_its_own(settings: Settings) -> None:
    rows, sets, objects, _ = look(settings)
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    deploy_model(settings, TODAY)
    named, again, files, pointer = look(settings)
    assert [row[:4] for row in named] == [row[:4] for row in rows]
    assert {row[4] for row in named} == {version}
    assert (len(again), len(files)) == (len(sets) + 1, len(objects) + 2)
    assert pointer["model"]["version"] == version
    deploy_model(settings, TODAY)
    assert look(settings) == (named, again, files, pointer)


def test_of_two_overlapping_attempts_only_the_later_one_records_its_predictions(settings: Settings) -> None:
    state: list[object] = []

    def overtake() -> None:
        crown(settings, export_onnx(fit(settings, 11), FEATURES))
        run_verb(predict_all, number_attempt(settings, 2), TODAY, part="model")
        state.append(look(settings)[1])

    overtaken_version = crown(settings, export_onnx(fit(settings, 10), FEATURES))
    with overtaken(lease.Lease, "held", overtake):
        run_verb(predict_all, number_attempt(settings, 1), TODAY, part="model")
    assert [look(settings)[1]] == state
    assert overtaken_version not in {row[1] for row in look(settings)[1]}
    deploy_model(settings, TODAY)


def test_a_movie_that_left_the_sources_is_predicted_no_more(settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("delete from movie where movie_id = 'tt8000007'")
    publish(settings)
    deploy_features(settings, TODAY)
    rows, _, _, pointer = look(settings)
    assert len(rows) == pointer["predictions"]["movies"] == pointer["features"]["movies"] == MOVIES - 1
    assert "tt8000007" not in {row[0] for row in rows}
    assert {row[5] for row in rows} == {read_live(settings).feature_set} == {pointer["features"]["feature_set"]}


def test_an_implausible_model_is_refused_once_and_the_live_one_stays(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    before = look(settings)
    first = helper.make_tensor("first", TensorProto.INT64, [1], [0])
    node = helper.make_node("Gather", ["features", "first"], ["variable"], axis=1)
    bad = [crown(settings, graph_onnx([node], [first], (name,))) for name in ("release_year", "no_such_feature")]
    for _ in range(2):
        run_verb(predict_all, settings, TODAY, part="model")
        run_verb(deploy, settings, TODAY, part="model")
    assert caplog.text.count(f"version {bad[0]} is refused and not deployed: the model rates tt8000000 2000, which is not") == 1
    assert f"the same is true of {MOVIES - 1} of its {MOVIES - 1} outputs" in caplog.text
    assert caplog.text.count(f"version {bad[1]} is refused and not deployed: the model reads no_such_feature") == 1
    with registry.connect(settings.mlflow_tracking_uri) as client:
        tags = client.get_model_version(registry.MODEL, bad[0]).tags
    assert (tags[registry.GATE], tags[registry.GATE_REASON][:15]) == ("refused", "the model rates")
    assert look(settings) == before


def test_a_live_model_that_cannot_rate_newer_features_keeps_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before, version = look(settings), read_pointer(settings)["model"]["version"]
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 1")
    publish(settings)

    def rate(*_: object) -> None:
        raise BadModel("the model rates tt8000000 11")

    with monkeypatch.context() as patch:
        patch.setattr(predictions, "compute_predictions", rate)
        for verb in (predict_all, deploy):
            with pytest.raises(BadModel, match=f"Version {version} is live and stays so"):
                run_verb(verb, settings, TODAY, part="features")
    assert look(settings) == before
    deploy_features(settings, TODAY)
    assert read_pointer(settings)["features"]["feature_set"] == read_live(settings).feature_set


def test_a_model_file_that_is_not_what_training_wrote_is_refused(settings: Settings) -> None:
    before, version = look(settings), crown(settings, export_onnx(fit(settings, 40), FEATURES))
    MlflowClient(settings.mlflow_tracking_uri).set_model_version_tag(registry.MODEL, version, registry.DIGEST, "0" * 64)
    with pytest.raises(Unavailable, match=f"version {version} has sha256 [0-9a-f]+, its tag says 0000"):
        run_verb(predict_all, settings, TODAY, part="model")
    assert look(settings) == before


def test_features_other_than_the_published_are_not_predicted(settings: Settings) -> None:
    before, live = look(settings), read_live(settings)
    crown(settings, export_onnx(fit(settings, 41), FEATURES))
    for column, wrong, right in (
        ("content_hash", "0" * 64, live.content_hash),
        ("snapshot_id", 1, int(live.snapshot_id)),
    ):
        change = sql.SQL("update feature_set set {} = %s where feature_set = %s").format(sql.Identifier(column))
        with connect(settings) as conn:
            conn.execute(change, (wrong, live.feature_set))
        with pytest.raises(BadInput, match="run build_features and publish_features"):
            run_verb(predict_all, settings, TODAY, part="model")
        with connect(settings) as conn:
            conn.execute(change, (right, live.feature_set))
    assert look(settings) == before


def test_a_file_that_was_there_with_other_bytes_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(settings)
    body = b"what the file should be"
    key = f"predictions/{hashlib.sha256(body).hexdigest()}.parquet"
    boto3.client("s3").put_object(Bucket=settings.s3_bucket, Key=key, Body=b"something else")
    monkeypatch.setattr(predictions, "render_parquet", lambda *_: body)
    with pytest.raises(Unavailable, match="has other bytes than its name says"):
        run_verb(predict_all, settings, TODAY, part="model")
    assert look(settings)[:2] == before[:2]
