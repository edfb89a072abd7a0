"""POST /predict on real servers: each movie's rating or reason, and one 503 for all."""

import signal
from pathlib import Path

import pytest

from serving.features.online_row import build_key, hash_field
from serving.http.schemas import Predictions, Rating
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.http.answers import KEPT, refused, without_ids
from tests.serving.tiny_models import FEATURES, constant_onnx

pytestmark = pytest.mark.integration


def test_a_batch_gives_each_movie_what_get_gives_it(world: World) -> None:
    ids = [id_ for movie in world.movies for id_ in (movie.movie_id, movie.tmdb_id, str(movie.tmdb_id))]
    with world.serve() as client:
        answer = client.post("/predict", {"movie_ids": ids})
        singly = [client.get(f"/predict?movie_id={each}").json() for each in ids]
        metrics = client.metrics()
    body = Predictions.model_validate_json(answer.content)
    assert (answer.status_code, answer.headers["x-feature-source"]) == (200, "fresh")
    assert [without_ids(entry) for entry in answer.json()["predictions"]] == [without_ids(entry) for entry in singly]
    assert len({entry.prediction_id for entry in body.predictions if isinstance(entry, Rating)}) == len(ids)
    assert f'marquee_predictions_total{{outcome="fresh"}} {2 * len(ids)}.0' in metrics
    assert 'marquee_http_requests_total{route="/predict",status="200"}' in metrics


def test_movies_that_cannot_be_rated_have_the_reason_in_their_place(world: World) -> None:
    one, two, three = (movie.movie_id for movie in world.movies[:3])
    world.run("HSET", build_key("movie_id", two, LIVE), hash_field("movies", FEATURES[0]), b"garbage")
    with world.serve() as client:
        answer = client.post("/predict", {"movie_ids": [one, "tt9999999", 999999, two, three, one]})
        alone = client.get("/predict?movie_id=999999").json()
    entries = answer.json()["predictions"]
    Predictions.model_validate_json(answer.content)
    assert answer.status_code == 200
    assert [entry.get("reason") for entry in entries] == [None, "unknown_movie", "unknown_movie", "corrupt_features", None, None]
    assert [entry["movie_id"] for entry in entries] == [one, "tt9999999", "999999", two, three, one]
    assert entries[2]["detail"] == alone["detail"]


def test_a_batch_of_unknown_movies_is_not_a_503(world: World) -> None:
    with world.serve() as client:
        answer = client.post("/predict", {"movie_ids": ["tt9999999", 999999]})
    assert answer.status_code == 200
    assert "x-feature-source" not in answer.headers
    assert {entry["reason"] for entry in answer.json()["predictions"]} == {"unknown_movie"}


def test_without_redis_a_batch_is_one_503_or_published_predictions(world: World, tmp_path: Path) -> None:
    movies = world.movies[:3]
    question = {"movie_ids": [movie.movie_id for movie in movies]}
    with world.serve() as client:
        world.valkey.stop(signal.SIGKILL)
        refused(client.post("/predict", question), 503, "feature_store_unavailable")
        refused(
            client.post("/whatif", {"movie_id": movies[0].movie_id, "overrides": {FEATURES[0]: 1}}),
            503,
            "feature_store_unavailable",
        )
    world.deployed.predictions(movies[:2], redis_too=False)
    with world.serve(**KEPT) as client:
        answer = client.post("/predict", question)
        alone = client.get(f"/predict?movie_id={movies[0].movie_id}").json()
    entries = answer.json()["predictions"]
    assert (answer.status_code, answer.headers["x-feature-source"]) == (200, "prediction_set")
    assert without_ids(entries[0]) == without_ids(alone)
    assert [entry.get("degraded") for entry in entries] == [True, True, None]
    assert entries[2]["reason"] == "feature_store_unavailable"


def test_a_paused_redis_is_one_503_while_it_is_paused(world: World) -> None:
    with world.serve(redis_timeout_seconds=0.1) as client:
        question = {"movie_ids": [movie.movie_id for movie in world.movies]}
        assert client.post("/predict", question).status_code == 200
        world.valkey.send(signal.SIGSTOP)
        refused(client.post("/predict", question), 503, "feature_store_unavailable")
        world.valkey.send(signal.SIGCONT)


def test_no_model_is_one_503(world: World) -> None:
    (world.cache / "last_good.json").unlink()
    world.redis.flushall()
    with world.serve() as client:
        refused(client.post("/predict", {"movie_ids": ["tt1000000", 278]}), 503, "no_deployment")
        refused(client.post("/whatif", {"movie_id": "tt1000000", "overrides": {"x": 1}}), 503, "no_deployment")


def test_an_implausible_output_is_refused(world: World) -> None:
    world.deployed.model(constant_onnx(11.0), "4")
    with world.serve() as client:
        refused(client.post("/predict", {"movie_ids": [world.movies[0].movie_id]}), 503, "implausible_rating")
