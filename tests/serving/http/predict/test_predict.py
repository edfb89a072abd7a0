"""The service on a real Valkey whose rows Feast wrote: answers as a caller meets them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from serving.http.schemas import Prediction, ValidationProblem
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.http.predict.expected import problem, rate_offline
from tests.serving.published_features import Movie, write_features
from tests.serving.tiny_models import FEATURES, export_onnx, train_boosting

pytestmark = pytest.mark.integration


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


def test_old_features_are_labelled_stale(world: World) -> None:
    world.deployed.features(LIVE, 50, day=datetime.now(UTC).date() - timedelta(days=3))
    with world.serve() as client:
        answer = client.get(f"/predict?movie_id={world.movies[0].movie_id}")
        metrics = client.metrics()
    body = Prediction.model_validate_json(answer.content)
    assert (answer.status_code, body.feature_source, body.stale, body.degraded) == (200, "stale", True, False)
    assert body.feature_age_seconds >= 3 * 86_400
    assert answer.headers["x-feature-source"] == "stale"
    assert 'marquee_predictions_total{outcome="stale"} 1.0' in metrics


def test_a_model_is_fed_in_its_own_order(world: World) -> None:
    turned = FEATURES[::-1]
    world.deployed.model(export_onnx(train_boosting(features=turned), turned), "4")
    with world.serve() as client:
        for movie in world.movies[:10]:
            row = [[np.nan if movie.features[name] is None else movie.features[name] for name in turned]]
            expected = float(train_boosting(features=turned).predict(np.array(row, np.float32))[0])
            assert client.get(f"/predict?movie_id={movie.movie_id}").json()["rating"] == pytest.approx(expected, abs=1e-4)


def test_readiness_names_what_is_served(world: World) -> None:
    with world.serve() as client:
        answer = client.get("/readyz")
        assert client.get("/livez").json() == {"alive": True}
    assert answer.status_code == 200
    assert answer.json()["model"] == {"name": "movie-rating", "version": "3"}
    assert answer.json()["feature_set"] == {"name": LIVE, "day": world.deployed.pointer["features"]["day"], "movies": 50}


def test_metrics_show_outcomes_model_and_feature_age(world: World) -> None:
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
