"""Tests the answer without a part: the last published rating, labelled in body, header and metric, or a rejection."""

import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from serving.core.errors import StoreUnavailable
from serving.features.online_row import build_key, hash_field
from serving.http.schemas import Prediction
from serving.redis.breaker import FAILURES, Breaker
from tests.serving.client import Client
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.servers import wait_until
from tests.serving.tiny_models import FEATURES

pytestmark = pytest.mark.integration

UNPUBLISHED = 49
"""The world's last movie was not in the features when the predictions were made."""


@pytest.fixture
def fallback(world: World) -> World:
    """The world, with yesterday's predictions on disk of all movies but one; `serve` it with `s3_bucket` and it uses them."""
    world.deployed.predictions(world.movies[:UNPUBLISHED], datetime.now(UTC).date() - timedelta(days=1))
    return world


def ask(client: Client, world: World, movie: int = 0) -> httpx.Response:
    return client.get(f"/predict?movie_id={world.movies[movie].movie_id}")


def published(answer: httpx.Response) -> Prediction:
    """The answer, which must be the published rating and say so everywhere."""
    body = Prediction.model_validate_json(answer.content)
    assert (answer.status_code, body.feature_source, body.degraded, body.stale) == (200, "prediction_set", True, False)
    assert answer.headers["x-feature-source"] == "prediction_set"
    assert (body.rating, body.model.version) == (7.1234, "3")
    assert 86_400 <= body.feature_age_seconds < 2 * 86_400
    return body


def empty(world: World) -> None:
    world.redis.flushall()


def kill(world: World) -> None:
    world.valkey.stop(signal.SIGKILL)


def corrupt(world: World) -> None:
    world.run("HSET", build_key("movie_id", world.movies[0].movie_id, LIVE), hash_field("movies", FEATURES[0]), b"garbage")


def lose_the_model(world: World) -> None:
    shutil.rmtree(world.cache / "models")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (empty, "lost_features"),
        (kill, "feature_store_unavailable"),
        (corrupt, "corrupt_features"),
        (lose_the_model, "no_model"),
    ],
)
def test_without_features_the_published_rating_is_answered_and_labelled(
    fallback: World, fault: Callable[[World], None], reason: str
) -> None:
    fault(fallback)
    with fallback.serve(s3_bucket="marquee") as client:
        body = published(ask(client, fallback))
        assert body.movie_id == fallback.movies[0].movie_id
        by_tmdb = published(client.get(f"/predict?movie_id={fallback.movies[0].tmdb_id}"))
        metrics = client.metrics()
    assert 'marquee_predictions_total{outcome="prediction_set"} 2.0' in metrics
    assert f'marquee_fallbacks_total{{reason="{reason}"}} 2.0' in metrics
    assert by_tmdb.movie_id == body.movie_id


def test_a_movie_that_was_never_published_is_refused_for_what_is_missing(fallback: World) -> None:
    kill(fallback)
    with fallback.serve(s3_bucket="marquee") as client:
        answer = ask(client, fallback, UNPUBLISHED)
    assert (answer.status_code, answer.json()["reason"]) == (503, "feature_store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_movie_without_a_row_stays_unknown(fallback: World) -> None:
    with fallback.serve(s3_bucket="marquee") as client:
        assert client.get("/predict?movie_id=tt9999999").status_code == 404


def test_falling_back_can_be_forbidden(fallback: World) -> None:
    kill(fallback)
    with fallback.serve(s3_bucket="marquee", prediction_set_fallback=False) as client:
        assert ask(client, fallback).status_code == 503
        assert client.get("/readyz").status_code == 503


def test_what_if_needs_features(fallback: World) -> None:
    empty(fallback)
    with fallback.serve(s3_bucket="marquee") as client:
        answer = client.post("/whatif", {"movie_id": fallback.movies[0].movie_id, "overrides": {FEATURES[0]: 1.0}})
    assert (answer.status_code, answer.json()["reason"]) == (503, "lost_features")


def test_readiness_reports_the_prediction_set(fallback: World) -> None:
    with fallback.serve(s3_bucket="marquee") as client:
        assert client.get("/readyz").json()["degraded"] is False
        kill(fallback)
        ready = client.get("/readyz")
    assert ready.status_code == 200
    assert (ready.json()["degraded"], ready.json()["missing"]) == (True, ["feature_store"])
    assert ready.json()["prediction_set"]["movies"] == UNPUBLISHED


def message_of_an_open_breaker() -> str:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.note_failure()
    with pytest.raises(StoreUnavailable) as caught:
        breaker.check()
    return str(caught.value)


def test_after_some_failures_a_paused_redis_is_not_awaited_until_it_returns(fallback: World) -> None:
    with fallback.serve(s3_bucket="marquee", redis_timeout_seconds=0.1) as client:
        assert ask(client, fallback).json()["feature_source"] == "fresh"
        fallback.valkey.send(signal.SIGSTOP)
        for _ in range(6):
            published(ask(client, fallback))
        refusal = ask(client, fallback, UNPUBLISHED)
        assert refusal.json()["detail"] == message_of_an_open_breaker(), "Redis was not asked"
        fallback.valkey.send(signal.SIGCONT)
        wait_until(lambda: ask(client, fallback).json()["feature_source"] == "fresh", 5)


def test_a_lost_row_is_not_an_unknown_movie(fallback: World) -> None:
    lost, kept, unknown = fallback.movies[0], fallback.movies[1], "tt9999999"
    fallback.redis.delete(build_key("movie_id", lost.movie_id, LIVE))
    with fallback.serve(s3_bucket="marquee") as client:
        published(ask(client, fallback))
        batch = client.post("/predict", {"movie_ids": [lost.movie_id, lost.tmdb_id, kept.movie_id, unknown]}).json()[
            "predictions"
        ]
        what_if = client.post("/whatif", {"movie_id": lost.movie_id, "overrides": {FEATURES[0]: 1.0}})
        metrics = client.metrics()
    assert [entry.get("feature_source") for entry in batch] == ["prediction_set", "prediction_set", "fresh", None]
    assert batch[3]["reason"] == "unknown_movie"
    assert (what_if.status_code, what_if.json()["reason"]) == (503, "lost_features")
    assert 'marquee_fallbacks_total{reason="lost_features"} 3.0' in metrics


def test_readiness_notices_lost_rows_though_the_pointer_is_there(fallback: World) -> None:
    with fallback.serve(s3_bucket="marquee") as client:
        for movie in fallback.movies:
            fallback.redis.delete(build_key("movie_id", movie.movie_id, LIVE))
        ready = client.get("/readyz").json()
    assert (ready["degraded"], ready["missing"]) == (True, ["feature_store"])
    assert "5 of 5 movies looked for have no row" in ready["detail"]
