"""Every movie's rating on the real servers: the API's own answers, one file, one table, one pointer."""

import asyncio
import hashlib
import io
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import boto3
import polars as pl
import pyarrow.parquet as pq
import pytest

from infra.local.stack import Stack
from serving.core import clock
from serving.core.rating import RATING_DECIMALS
from serving.core.requested_id import RequestedId
from serving.features import feature_set, movie_row
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import build_query
from serving.models.onnx_model import load_onnx_model
from serving.settings import Settings as ServingSettings
from tasks import predict_all
from tasks.core.model.onnx_model import to_matrix
from tasks.io.deployments import flip
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.movies import FEATURES, MOVIES, TODAY, crown, fit, read_features, read_live
from tests.tasks.predict_all.state import look, read_pointer, read_set_of
from tests.tasks.settings_factory import deploy_model, run_verb

pytestmark = pytest.mark.integration


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
    # The API refuses what is of a day to come, as TODAY is late in the evening.
    monkeypatch.setattr(clock, "MAX_CLOCK_SKEW", timedelta(days=1))
    monkeypatch.setattr(movie_row, "_MAX_SKEW_SECONDS", 86_400)
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
        "database_key": f"predictions/{live.database_sha256}.sqlite",
        "database_sha256": live.database_sha256,
        "database_bytes": live.database_bytes,
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
