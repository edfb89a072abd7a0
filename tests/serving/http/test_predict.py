"""The service on a real Valkey whose rows Feast wrote: answers, refusals and faults, as a caller meets them."""

import signal
import struct
import time
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from serving.deployments.pointer import POINTER_KEY
from serving.features.online_row import build_key, hash_field
from serving.http.schemas import Prediction, Problem, Readiness, ValidationProblem
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.published_features import Movie, write_features
from tests.serving.servers import wait_until
from tests.serving.tiny_models import FEATURES, constant_onnx, export_onnx, train_boosting

pytestmark = pytest.mark.integration

NEXT = "marquee_20261123_bbbbbbbbbbbb"


def rate_offline(movie: Movie) -> float:
    row = [[np.nan if movie.features[name] is None else movie.features[name] for name in FEATURES]]
    return float(train_boosting().predict(np.array(row, np.float32))[0])


def problem(answer: httpx.Response, status: int, reason: str) -> Problem:
    body = Problem.model_validate_json(answer.content)
    assert (answer.status_code, body.reason) == (status, reason), answer.text
    assert body.request_id == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status == 503)
    return body


def test_every_published_movie_is_rated_as_offline(world: World) -> None:
    with world.serve() as client:
        for movie in world.movies:
            answer = client.get(f"/predict?movie_id={movie.movie_id}")
            body = Prediction.model_validate_json(answer.content)
            assert answer.status_code == 200
            assert body.rating == pytest.approx(rate_offline(movie), abs=1e-4)
            assert (body.movie_id, body.title) == (movie.movie_id, movie.title)
            assert answer.json()["model"] == {"name": "movie-rating", "version": "3"}
            assert answer.json()["features_as_of"] == "2026-11-22T00:00:00Z"
            assert body.request_id == answer.headers["x-request-id"]


def test_a_bare_integer_is_a_tmdb_id(world: World) -> None:
    movie = world.movies[7]
    with world.serve() as client:
        by_tmdb, by_imdb = (client.get(f"/predict?movie_id={i}").json() for i in (movie.tmdb_id, movie.movie_id))
    own = {"request_id": "", "prediction_id": "", "feature_age_seconds": 0}
    assert by_tmdb | own == by_imdb | own


@pytest.mark.parametrize("movie_id", ["tt9999999", "tt0000000", "999999", str(2**31), str(2**63 - 1)])
def test_an_unknown_id_is_named(world: World, movie_id: str) -> None:
    with world.serve() as client:
        body = problem(client.get(f"/predict?movie_id={movie_id}"), 404, "unknown_movie")
    assert movie_id in body.detail


@pytest.mark.parametrize(
    "query", ["", "movie_id=", "movie_id=1e3", "movie_id=1&movie_id=2", "movie_id=%00", "movie_id=%EF%BC%91"]
)
def test_malformed_ids_get_fastapis_422(world: World, query: str) -> None:
    with world.serve() as client:
        answer = client.get(f"/predict?{query}")
    body = ValidationProblem.model_validate_json(answer.content)
    assert answer.status_code == 422
    assert body.detail[0]["loc"] == ["query", "movie_id"]
    assert {"type", "loc", "msg", "input"} <= body.detail[0].keys()


def test_all_features_unknown_is_rated_as_offline(world: World) -> None:
    movie = Movie("tt7777777", None, dict.fromkeys(FEATURES))
    write_features(world.valkey.port, LIVE, [movie])
    with world.serve() as client:
        answer = client.get("/predict?movie_id=tt7777777").json()
    assert answer["title"] is None
    assert answer["rating"] == pytest.approx(rate_offline(movie), abs=1e-4)


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


def test_a_model_that_answers_no_number_is_never_served(world: World) -> None:
    world.deployed.model(constant_onnx(float("nan")), "4")
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")


def test_features_of_long_ago_are_said_to_be_stale(world: World) -> None:
    world.deployed.features(LIVE, 50, day=datetime.now(UTC).date() - timedelta(days=3))
    with world.serve() as client:
        answer = client.get(f"/predict?movie_id={world.movies[0].movie_id}")
        metrics = client.metrics()
    body = Prediction.model_validate_json(answer.content)
    assert (answer.status_code, body.feature_source, body.stale, body.degraded) == (200, "stale", True, False)
    assert body.feature_age_seconds >= 3 * 86_400
    assert answer.headers["x-feature-source"] == "stale"
    assert 'marquee_predictions_total{outcome="stale"} 1.0' in metrics


def test_a_set_of_a_day_to_come_is_rejected(world: World) -> None:
    # Not tomorrow, which shortly before midnight begins within the allowed skew of clocks.
    world.deployed.features(LIVE, 50, day=datetime.now(UTC).date() + timedelta(days=2))
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")
        wait_until(lambda: "still to come" in str(client.get("/readyz").json()["trouble"]), 5)


def test_a_row_of_a_time_to_come_is_refused(world: World) -> None:
    later = Timestamp(seconds=int(time.time()) + 3600).SerializeToString()
    world.run("HSET", build_key("movie_id", world.movies[0].movie_id, LIVE), "_ts:movies", later)
    with world.serve() as client:
        body = problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "corrupt_features")
    assert "still to come" in body.detail


def test_a_set_of_another_schema_is_rejected_and_the_deployment_before_stays(world: World) -> None:
    movie = world.movies[0]
    write_features(world.valkey.port, NEXT, [Movie(movie.movie_id, "changed", movie.features)])
    with world.serve() as client:
        assert client.get(f"/predict?movie_id={movie.movie_id}").json()["title"] == movie.title
        rejected = world.deployed.features(NEXT, 1, schema_hash="6" * 64)
        wait_until(lambda: client.get("/readyz").json()["rejected_deployment"] is not None, 5)
        reason = client.get("/readyz").json()["rejected_deployment"]
        assert (reason["deployment"], "has schema 666666666666" in reason["reason"]) == (rejected, True)
        assert client.get(f"/predict?movie_id={movie.movie_id}").json()["title"] == movie.title
        live = world.deployed.features(NEXT, 1)
        wait_until(lambda: client.get(f"/predict?movie_id={movie.movie_id}").json()["title"] == "changed", 5)
        ready = client.get("/readyz").json()
    assert (ready["deployment"], ready["rejected_deployment"]) == (live, None)


def test_a_new_deployment_is_followed_and_answers_name_it(world: World) -> None:
    movie = world.movies[0]
    changed = Movie(movie.movie_id, "changed", movie.features, movie.tmdb_id)
    write_features(world.valkey.port, NEXT, [changed, Movie("tt5555555", "new", movie.features)])
    with world.serve() as client:
        before = client.get(f"/predict?movie_id={movie.movie_id}").json()
        number = world.deployed.features(NEXT, 2)
        wait_until(lambda: client.get("/predict?movie_id=tt5555555").status_code == 200, 5)
        after = client.get(f"/predict?movie_id={movie.movie_id}").json()
        metrics = client.metrics()
    assert (before["title"], before["deployment"]) == (movie.title, number - 1)
    assert (after["title"], after["deployment"]) == ("changed", number)
    assert f'marquee_deployment_info{{deployment="{number}"' in metrics


def test_an_emptied_redis_is_not_an_unknown_movie(world: World) -> None:
    with world.serve() as client:
        world.redis.flushall()
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")
        batch = client.post("/predict", {"movie_ids": [world.movies[0].movie_id]})
        ready = client.get("/readyz")
    assert (batch.status_code, batch.json()["reason"]) == (503, "no_deployment")
    assert ready.status_code == 503
    assert Readiness.model_validate_json(ready.content).missing == ["feature_store"]


@pytest.mark.parametrize("pointer", ["", "x", "[]", "{}", '{"deployment": 2}', '{"deployment": 2, "model": 3}'])
def test_a_damaged_pointer_changes_nothing_and_is_told(world: World, pointer: str) -> None:
    world.redis.set(POINTER_KEY, pointer)
    with world.serve() as client:
        assert client.get(f"/predict?movie_id={world.movies[0].movie_id}").status_code == 200
        wait_until(lambda: "does not hold a deployment" in str(client.get("/readyz").json()["trouble"]), 5)
        assert client.get(f"/predict?movie_id={world.movies[0].movie_id}").status_code == 200
        assert "marquee_deployment_followed 0.0" in client.metrics()


def test_killed_redis_is_a_quick_503_and_heals(world: World) -> None:
    path = f"/predict?movie_id={world.movies[0].movie_id}"
    with world.serve() as client:
        assert client.get(path).status_code == 200
        world.valkey.stop(signal.SIGKILL)
        for _ in range(3):
            problem(client.get(path), 503, "feature_store_unavailable")
        assert client.get("/readyz").json()["missing"] == ["feature_store"]
        world.valkey.start()
        write_features(world.valkey.port, LIVE, world.movies)
        world.deployed.write()
        wait_until(lambda: client.get(path).status_code == 200, 5)
        assert client.get("/readyz").status_code == 200


def test_paused_redis_is_a_503_while_it_is_paused_and_heals(world: World) -> None:
    path = f"/predict?movie_id={world.movies[0].movie_id}"
    with world.serve(redis_timeout_seconds=0.1) as client:
        assert client.get(path).status_code == 200
        world.valkey.send(signal.SIGSTOP)
        for _ in range(5):
            problem(client.get(path), 503, "feature_store_unavailable")
        world.valkey.send(signal.SIGCONT)
        wait_until(lambda: client.get(path).status_code == 200, 5)


def test_a_user_without_rights_is_a_503(world: World) -> None:
    world.run("ACL", "SETUSER", "api", "-@all", "+auth", "+hello", "+client")
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "feature_store_unavailable")


def test_no_deployment_is_told_and_nothing_is_made_up(world: World) -> None:
    (world.cache / "last_good.json").unlink()
    world.redis.flushall()
    with world.serve() as client:
        body = problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")
        wait_until(lambda: "refresh_movies" in client.get("/readyz").json()["detail"], 5)
        ready = client.get("/readyz")
    assert "127.0.0.1" not in body.detail
    assert ready.status_code == 503
    assert Readiness.model_validate_json(ready.content).missing == ["model", "feature_store"]


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


def test_a_model_is_fed_in_its_own_order(world: World) -> None:
    turned = FEATURES[::-1]
    world.deployed.model(export_onnx(train_boosting(features=turned), turned), "4")
    with world.serve() as client:
        for movie in world.movies[:10]:
            row = [[np.nan if movie.features[name] is None else movie.features[name] for name in turned]]
            expected = float(train_boosting(features=turned).predict(np.array(row, np.float32))[0])
            assert client.get(f"/predict?movie_id={movie.movie_id}").json()["rating"] == pytest.approx(expected, abs=1e-4)


def test_ready_says_what_is_served(world: World) -> None:
    with world.serve() as client:
        answer = client.get("/readyz")
        assert client.get("/livez").json() == {"alive": True}
    assert answer.status_code == 200
    assert answer.json()["model"] == {"name": "movie-rating", "version": "3"}
    assert answer.json()["feature_set"] == {"name": LIVE, "day": world.deployed.pointer["features"]["day"], "movies": 50}


def test_metrics_tell_outcomes_model_and_feature_age(world: World) -> None:
    with world.serve() as client:
        client.get(f"/predict?movie_id={world.movies[0].movie_id}")
        client.get("/predict?movie_id=tt9999999")
        client.get("/predict")
        client.get("/wp-login.php")
        text = client.metrics()
    assert 'marquee_predictions_total{outcome="fresh"} 1.0' in text
    assert 'marquee_predictions_total{outcome="unknown_movie"} 1.0' in text
    assert 'marquee_predictions_total{outcome="malformed"} 1.0' in text
    assert 'marquee_predictions_total{outcome="corrupt_features"} 0.0' in text
    assert 'marquee_http_request_duration_seconds_count{route="/predict"} 3.0' in text
    assert 'marquee_http_requests_total{route="other",status="404"} 1.0' in text
    assert 'marquee_model_info{name="movie-rating"' in text
    assert f'marquee_feature_set_info{{name="{LIVE}",snapshot_id="7301"}} 1.0' in text
    assert "\nmarquee_feature_age_seconds " in text
