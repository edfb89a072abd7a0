"""Tests that rows and models with impossible values are rejected and never used for an answer."""

import struct
import time
from datetime import UTC, datetime, timedelta

import pytest
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from serving.features.online_row import build_key, hash_field
from serving.http.schemas import Prediction
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.http.predict.expected import problem
from tests.serving.tiny_models import FEATURES, constant_onnx, export_onnx, train_boosting

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (hash_field("movies", FEATURES[0]), b"garbage"),
        (hash_field("movies", FEATURES[1]), Value(bool_val=True).SerializeToString()),
        (hash_field("movies", FEATURES[2]), struct.pack("<Bd", 0x29, float("nan"))),
        (hash_field("movies", FEATURES[3]), struct.pack("<Bd", 0x29, float("inf"))),
        (hash_field("movies", FEATURES[4]), struct.pack("<Bd", 0x29, 1.0)[:-1]),
        (hash_field("movies", FEATURES[0]), None),
        (hash_field("movies", "title"), b"\x12\x7fshort"),
        ("_ts:movies", b"yesterday"),
    ],
)
def test_a_corrupt_value_is_refused_and_never_read_as_zero(world: World, field: bytes | str, value: bytes | None) -> None:
    key = build_key("movie_id", world.movies[0].movie_id, LIVE)
    if value is None:
        world.run("HDEL", key, field)
    else:
        world.run("HSET", key, field, value)
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "corrupt_features")
        assert client.get(f"/predict?movie_id={world.movies[1].movie_id}").status_code == 200
        metrics = client.metrics()
    assert 'marquee_predictions_total{outcome="corrupt_features"} 1.0' in metrics


def test_a_row_without_event_time_does_not_exist(world: World) -> None:
    world.run("HDEL", build_key("movie_id", world.movies[0].movie_id, LIVE), "_ts:movies")
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 404, "unknown_movie")


def test_a_key_of_another_type_is_corrupt(world: World) -> None:
    key = build_key("movie_id", "tt8888888", LIVE)
    world.run("SET", key, "a string")
    world.run(
        "HSET", build_key("tmdb_id", 1, LIVE), hash_field("tmdb_ids", "movie_id"), b"\x12\x01x", "_ts:tmdb_ids", b"\x08\x01"
    )
    with world.serve() as client:
        problem(client.get("/predict?movie_id=tt8888888"), 503, "corrupt_features")
        problem(client.get("/predict?movie_id=1"), 503, "corrupt_features")


@pytest.mark.parametrize("rating", [0.0, 11.0])
def test_an_implausible_output_is_refused(world: World, rating: float) -> None:
    world.deployed.model(constant_onnx(rating), "4")
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "implausible_rating")


def test_a_model_without_numeric_output_is_never_served(world: World) -> None:
    world.deployed.model(constant_onnx(float("nan")), "4")
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")


def test_a_row_of_the_future_is_rejected(world: World) -> None:
    later = Timestamp(seconds=int(time.time()) + 3600).SerializeToString()
    world.run("HSET", build_key("movie_id", world.movies[0].movie_id, LIVE), "_ts:movies", later)
    with world.serve() as client:
        body = problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "corrupt_features")
    assert "still to come" in body.detail


def test_the_sample_s_world_decides_which_times_are_in_the_future(world: World) -> None:
    """A row of the world's today is used, even before that day in real time; a row of the world's tomorrow is rejected."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=30)
    world.deployed.world(today.date())
    world.deployed.features(LIVE, len(world.movies), today.date())
    for movie, day in zip(world.movies, (today, today + timedelta(days=1)), strict=False):
        midnight = Timestamp(seconds=int(day.timestamp())).SerializeToString()
        world.run("HSET", build_key("movie_id", movie.movie_id, LIVE), "_ts:movies", midnight)
    with world.serve() as client:
        answer = Prediction.model_validate_json(client.get(f"/predict?movie_id={world.movies[0].movie_id}").content)
        body = problem(client.get(f"/predict?movie_id={world.movies[1].movie_id}"), 503, "corrupt_features")
    assert answer.feature_source == "fresh"
    assert "still to come" in body.detail


@pytest.mark.parametrize("damage", ["edited", "truncated", "no release"])
def test_a_damaged_cache_is_not_served(world: World, damage: str) -> None:
    (file,) = world.cache.glob("models/*/model.onnx")
    match damage:
        case "edited":
            file.write_bytes(file.read_bytes()[:-1] + b"\0")
        case "truncated":
            file.write_bytes(file.read_bytes()[:100])
        case "no release":
            file.with_name("release.json").unlink()
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")


def test_a_model_that_the_rows_do_not_feed_is_refused(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.deployed.model(export_onnx(train_boosting(features=(*FEATURES, "extra")), (*FEATURES, "extra")), "4")
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")
    assert "lacks 1 features: extra" in caplog.text
