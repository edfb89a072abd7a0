"""Tests that serving and the other rooms, which do not import one another, agree on names, types and the pointer."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

from feast.types import Float64, String

from feature_repo import movies as definitions
from infra.platform.accounts import REDIS_USERS
from serving.app import create_app
from serving.features import movie_row, tmdb_id
from serving.features.feature_set import parse_feature_set
from serving.models import onnx_model as predictor
from serving.settings import Settings
from tasks.core.features.feature_set import FeatureSet
from tests.serving.servers import API_USER_MAY, REPOSITORY
from tests.serving.tiny_models import FEATURES


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
    written = FeatureSet(
        feature_set="marquee_20261122_ab12cd34ef56",
        snapshot_id="8541223",
        content_hash="ab12cd34ef56",
        movies=3,
        day="2026-11-22",
        published_at="2026-11-22T03:04:05.678901+00:00",
    )
    read = parse_feature_set(asdict(written))
    assert (read.name, read.snapshot_id, read.movies) == (written.feature_set, written.snapshot_id, written.movies)
    assert (read.day.isoformat(), read.content_hash) == (written.day, written.content_hash)


def test_the_tests_redis_user_is_the_stacks() -> None:
    assert REDIS_USERS["api"] == API_USER_MAY


def test_the_service_imports_nothing_heavy() -> None:
    """In a process of its own, since this one has imported everything."""
    code = "import sys, serving.__main__, serving.process.worker; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"feast", "pandas", "sklearn", "mlflow", "pyarrow", "onnx", "requests", "grpc"}  # gRPC only where its port is open
    assert "serving" in loaded
    assert not heavy & set(loaded)


def find_override_names(value: object) -> Iterator[str]:
    """Yield the names of the features that any `overrides` or `out_of_range` of an OpenAPI document's examples mentions."""
    if isinstance(value, list):
        for item in value:
            yield from find_override_names(item)
    elif isinstance(value, dict):
        overrides, out_of_range = value.get("overrides"), value.get("out_of_range")
        if isinstance(overrides, dict) and "additionalProperties" not in overrides:
            yield from overrides
        elif isinstance(overrides, dict):  # the schema of the field, with examples of its own
            yield from (name for example in overrides.get("examples", []) for name in example)
        if isinstance(out_of_range, list):
            yield from (entry["feature"] for entry in out_of_range)
        for item in value.values():
            yield from find_override_names(item)


def test_every_feature_that_openapi_shows_exists() -> None:
    settings = {"redis_url": "redis://127.0.0.1:9/0", "mlflow_tracking_uri": "http://127.0.0.1:9", "grpc_port": 0}
    document = create_app(Settings.model_validate(settings)).openapi()
    shown = set(find_override_names(document))
    listed = {name for names in re.findall(r"; it reads ([a-z_, ]+)", json.dumps(document)) for name in names.split(", ")}
    assert shown
    assert len(listed) >= 2
    assert shown | listed <= set(definitions.PRE_RELEASE)


def test_every_feature_that_the_readme_overrides_exists() -> None:
    shown = re.findall(r'"overrides": *\{"(\w+)"', (REPOSITORY / "README.md").read_text())
    assert shown
    assert set(shown) <= set(definitions.PRE_RELEASE)


def test_the_tests_models_read_features_that_exist() -> None:
    assert set(FEATURES) <= set(definitions.PRE_RELEASE)
