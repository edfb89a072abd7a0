"""What serving and the other rooms must agree on without importing one another: names, types, the pointer."""

import json
import subprocess
import sys
from dataclasses import asdict

from feast.types import Float64, String

from feature_repo import movies as definitions
from infra.local.services.valkey import USERS
from serving.features import feature_set, movie_row, tmdb_id
from serving.models import onnx_model as predictor
from serving.models import registry as champion
from tasks.io.feast import online_store as published
from tasks.io.mlflow import registry
from tests.serving.servers import API_USER_MAY, REPOSITORY


def test_the_feature_views_are_what_the_decoder_reads() -> None:
    movies, tmdb_ids = definitions.movies, definitions.tmdb_ids
    assert (movies.name, tmdb_ids.name) == (movie_row.MOVIES, tmdb_id.TMDB_IDS)
    assert (definitions.movie.join_key, definitions.tmdb_movie.join_key) == (movie_row.MOVIES_KEY, tmdb_id.TMDB_IDS_KEY)
    types = {field.name: field.dtype for field in movies.features}
    assert types.pop("title") == String
    assert set(types.values()) == {Float64}
    assert [(field.name, field.dtype) for field in tmdb_ids.features] == [("movie_id", String)]
    assert definitions.pre_release.name == predictor.FEATURE_SERVICE


def test_the_pointer_that_publishing_writes_is_read() -> None:
    written = published.FeatureSet(
        feature_set="marquee_20261122_ab12cd34ef56",
        snapshot_id="8541223",
        content_hash="ab12cd34ef56",
        movies=3,
        day="2026-11-22",
        published_at="2026-11-22T03:04:05.678901+00:00",
    )
    read = feature_set.parse_pointer(json.dumps(asdict(written)).encode())
    assert (read.name, read.snapshot_id, read.movies) == (written.feature_set, written.snapshot_id, written.movies)
    assert (read.day.isoformat(), read.published_at.isoformat()) == (written.day, written.published_at)
    assert published.POINTER == feature_set.POINTER_KEY


def test_the_model_that_training_registers_is_asked_for() -> None:
    assert (registry.MODEL, registry.CHAMPION) == (champion.MODEL_NAME, champion.ALIAS)


def test_the_tests_redis_user_is_the_stacks() -> None:
    assert USERS["api"] == API_USER_MAY


def test_the_service_imports_nothing_heavy() -> None:
    """In a process of its own, since this one has imported everything."""
    code = "import sys, serving.__main__, serving.process.worker; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"feast", "pandas", "sklearn", "mlflow", "pyarrow", "onnx", "requests", "grpc"}  # gRPC only where its port is open
    assert "serving" in loaded
    assert not heavy & set(loaded)
