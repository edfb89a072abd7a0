"""Invented movies on the real servers, published as features, and models of them."""

import hashlib
from datetime import UTC, date, datetime, timedelta

import mlflow
import numpy as np
import onnx
import polars as pl
from sklearn.ensemble import HistGradientBoostingRegressor

from tasks import build_features, publish_features
from tasks.core.features.feature_set import FeatureSet
from tasks.core.model.onnx_model import to_matrix
from tasks.io.deployments import flip
from tasks.io.feast import offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.offline import read_present
from tests.tasks.settings_factory import run_verb

TODAY = (datetime.now(UTC) + timedelta(hours=2)).date()
"""Still today when the last of these tests ends: a row is known as of a day only if it was created by the end of that day."""
MOVIES = 300
FEATURES = ("runtime_minutes", "director_rating", "release_year")


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


def read_snapshot_id() -> int:
    """The id of the offline store's current snapshot."""
    table = offline_store.open_table()
    snapshot = table.current_snapshot() if table is not None else None
    assert snapshot is not None
    return snapshot.snapshot_id


def read_features(settings: Settings, day: date = TODAY) -> pl.DataFrame:
    """The live set's rows as the offline store has them."""
    table = offline_store.open_table()
    assert table is not None
    return read_present(table, day, int(read_live(settings).snapshot_id)).sort("movie_id")


def fit(settings: Settings, seed: int, day: date = TODAY) -> HistGradientBoostingRegressor:
    """A boosting of the live rows; another seed is another model, with outputs around 6."""
    matrix = to_matrix(read_features(settings, day), FEATURES)
    labels = 6 + np.random.default_rng(seed).normal(scale=0.8, size=len(matrix)).clip(-3, 3)
    return HistGradientBoostingRegressor(max_iter=60, random_state=seed).fit(matrix, labels)


def crown(settings: Settings, exported: bytes) -> str:
    """Register the model as one that passed the gate, as training does; returns the version."""
    with registry.connect(settings.mlflow_tracking_uri) as client:
        mlflow.set_experiment(registry.EXPERIMENT)
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
