"""The deployment that is answered from: followed, rejected, lost."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from serving.deployments.pointer import POINTER_KEY
from serving.http.schemas import Readiness
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.http.predict.expected import NEXT, problem
from tests.serving.published_features import Movie, write_features
from tests.serving.servers import wait_until

pytestmark = pytest.mark.integration


def test_a_feature_set_of_the_future_is_rejected(world: World) -> None:
    # Not tomorrow, which shortly before midnight begins within the allowed skew of clocks.
    world.deployed.features(LIVE, 50, day=datetime.now(UTC).date() + timedelta(days=2))
    with world.serve() as client:
        problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")
        wait_until(lambda: "still to come" in str(client.get("/readyz").json()["trouble"]), 5)


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
def test_a_damaged_pointer_changes_nothing_and_is_reported(world: World, pointer: str) -> None:
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


def test_a_missing_deployment_is_reported_without_a_guess(world: World) -> None:
    (world.cache / "last_good.json").unlink()
    world.redis.flushall()
    with world.serve() as client:
        body = problem(client.get(f"/predict?movie_id={world.movies[0].movie_id}"), 503, "no_deployment")
        wait_until(lambda: "refresh_movies" in client.get("/readyz").json()["detail"], 5)
        ready = client.get("/readyz")
    assert "127.0.0.1" not in body.detail
    assert ready.status_code == 503
    assert Readiness.model_validate_json(ready.content).missing == ["model", "feature_store"]
