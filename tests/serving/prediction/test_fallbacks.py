"""What is answered when a part is away: the last published rating, labelled in body, header and metric, or a refusal."""

import signal
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from serving.core.errors import StoreUnavailable
from serving.features.online_row import build_key, hash_field
from serving.http.schemas import Prediction
from serving.prediction_set.cache import PredictionSetCache
from serving.redis.breaker import FAILURES, Breaker
from tests.serving.client import Client
from tests.serving.conftest import LIVE, World
from tests.serving.prediction_set import factories as invented
from tests.serving.servers import wait_until
from tests.serving.tiny_models import FEATURES

pytestmark = pytest.mark.integration

UNPUBLISHED = 49
"""The world's last film was not rated when the snapshot was made."""


def keep_catalogue(folder: Path, world: World, day: date) -> None:
    """Ratings of all films but one, as the last that were published."""
    films = [invented.Film(film.movie_id, film.title, 1999, film.tmdb_id) for film in world.films[:UNPUBLISHED]]
    sha256 = invented.build(folder / "new", films)
    store = PredictionSetCache(folder)
    (folder / "new").rename(store.path(sha256))
    store.note_last_good(sha256, day)


@pytest.fixture
def snapshot(world: World, tmp_path: Path) -> World:
    """The world, with yesterday's ratings on disk; `serve` it with `s3_bucket` and it finds them."""
    (tmp_path / "catalogues").mkdir()
    keep_catalogue(tmp_path / "catalogues", world, datetime.now(UTC).date() - timedelta(days=1))
    return world


def ask(client: Client, world: World, film: int = 0) -> httpx.Response:
    return client.get(f"/predict?movie_id={world.films[film].movie_id}")


def published(answer: httpx.Response) -> Prediction:
    """The answer, which must be the published rating and say so everywhere."""
    body = Prediction.model_validate_json(answer.content)
    assert (answer.status_code, body.feature_source, body.degraded, body.stale) == (200, "snapshot", True, False)
    assert answer.headers["x-feature-source"] == "snapshot"
    assert (body.rating, body.model.version) == (7.1234, "3")
    assert 86_400 <= body.feature_age_seconds < 2 * 86_400
    return body


def empty(world: World) -> None:
    world.redis.flushall()


def kill(world: World) -> None:
    world.valkey.stop(signal.SIGKILL)


def corrupt(world: World) -> None:
    world.run("HSET", build_key("movie_id", world.films[0].movie_id, LIVE), hash_field("movies", FEATURES[0]), b"garbage")


def lose_the_model(world: World) -> None:
    (world.cache / "last_good.json").unlink()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (empty, "no_feature_set"),
        (kill, "feature_store_unavailable"),
        (corrupt, "corrupt_features"),
        (lose_the_model, "no_model"),
    ],
)
def test_without_features_the_last_published_rating_is_given_and_said_to_be_one(
    snapshot: World, fault: Callable[[World], None], reason: str
) -> None:
    fault(snapshot)
    with snapshot.serve(s3_bucket="marquee") as client:
        body = published(ask(client, snapshot))
        assert body.movie_id == snapshot.films[0].movie_id
        by_tmdb = published(client.get(f"/predict?movie_id={snapshot.films[0].tmdb_id}"))
        metrics = client.metrics()
    assert 'marquee_predictions_total{outcome="snapshot"} 2.0' in metrics
    assert f'marquee_fallbacks_total{{reason="{reason}"}} 2.0' in metrics
    assert by_tmdb.movie_id == body.movie_id


def test_a_film_that_was_never_published_is_refused_for_what_is_missing(snapshot: World) -> None:
    kill(snapshot)
    with snapshot.serve(s3_bucket="marquee") as client:
        answer = ask(client, snapshot, UNPUBLISHED)
    assert (answer.status_code, answer.json()["reason"]) == (503, "feature_store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_film_without_a_row_stays_unknown(snapshot: World) -> None:
    with snapshot.serve(s3_bucket="marquee") as client:
        assert client.get("/predict?movie_id=tt9999999").status_code == 404


def test_falling_back_can_be_forbidden(snapshot: World) -> None:
    kill(snapshot)
    with snapshot.serve(s3_bucket="marquee", snapshot_fallback=False) as client:
        assert ask(client, snapshot).status_code == 503
        assert client.get("/readyz").status_code == 503


def test_what_if_needs_features(snapshot: World) -> None:
    empty(snapshot)
    with snapshot.serve(s3_bucket="marquee") as client:
        answer = client.post("/whatif", {"movie_id": snapshot.films[0].movie_id, "overrides": {FEATURES[0]: 1.0}})
    assert (answer.status_code, answer.json()["reason"]) == (503, "no_feature_set")


def test_readiness_tells_of_the_snapshot(snapshot: World) -> None:
    with snapshot.serve(s3_bucket="marquee") as client:
        assert client.get("/readyz").json()["degraded"] is False
        kill(snapshot)
        ready = client.get("/readyz")
    assert ready.status_code == 200
    assert (ready.json()["degraded"], ready.json()["missing"]) == (True, ["feature_store"])
    assert ready.json()["snapshot"]["prediction_set"] == invented.ABOUT["prediction_set"]


def message_of_an_open_breaker() -> str:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.note_failure()
    with pytest.raises(StoreUnavailable) as caught:
        breaker.check()
    return str(caught.value)


def test_after_some_failures_nobody_waits_for_a_paused_redis_and_its_return_is_noticed(snapshot: World) -> None:
    with snapshot.serve(s3_bucket="marquee", redis_timeout_seconds=0.1) as client:
        assert ask(client, snapshot).json()["feature_source"] == "fresh"
        snapshot.valkey.send(signal.SIGSTOP)
        for _ in range(6):
            published(ask(client, snapshot))
        refusal = ask(client, snapshot, UNPUBLISHED)
        assert refusal.json()["detail"] == message_of_an_open_breaker(), "Redis was not asked"
        snapshot.valkey.send(signal.SIGCONT)
        wait_until(lambda: ask(client, snapshot).json()["feature_source"] == "fresh", 5)
