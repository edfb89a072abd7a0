"""Tests a rollback under load from a worse deployment: the previous answers return, and no request fails."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.load.background import count_failures, put_load
from tests.bench.service import Service
from tests.bench.versions import shift
from tests.serving.conftest import World, invent_movies
from tests.serving.deployed import LIVE
from tests.serving.published_features import write_features
from tests.serving.servers import wait_until
from tests.serving.under_load.conftest import Serve

pytestmark = pytest.mark.integration

MOVIES, RATE = 1000, 100
OF_THE_REQUEST = ("request_id", "prediction_id", "deployment", "feature_age_seconds")
"""Fields of an answer that differ from request to request."""


def ask_all(service: Service, movie_ids: list[str]) -> dict[str, bytes]:
    """The answer for each movie, but for its ids."""
    answers: dict[str, bytes] = {}
    for movie_id in movie_ids:
        status, body = service.ask(f"/predict?movie_id={movie_id}")
        assert status == 200, body
        answers[movie_id] = json.dumps({name: value for name, value in body.items() if name not in OF_THE_REQUEST}).encode()
    return answers


def wait_until_live(service: Service, number: int) -> None:
    """Wait until every worker answers from this deployment."""
    wait_until(lambda: all(service.ask("/readyz")[1]["deployment"] == number for _ in range(16)), what=f"{number} being live")


def test_after_a_rollback_under_load_the_previous_answers_return(
    world: World, serve: Serve, model_bytes: bytes, tmp_path: Path
) -> None:
    movies = invent_movies(MOVIES)
    world.movies[:] = movies
    write_features(world.valkey.port, LIVE, movies)
    world.deployed.features(LIVE, MOVIES)
    service = serve()
    movie_ids = [movie.movie_id for movie in movies]
    cache = service.folder / "deployments"
    good: dict[str, Any] = {part: world.deployed.pointer[part] for part in ("model", "features", "predictions")}
    before = ask_all(service, movie_ids)
    with put_load(service.port, dict.fromkeys(movie_ids, 0.0), tmp_path, rate=RATE) as load:
        world.deployed.cache = cache  # both workers load from here
        world.deployed.model(shift(model_bytes, 1.5), "4")
        worse = world.deployed.predictions(movies)
        wait_until_live(service, worse)
        assert ask_all(service, movie_ids[:20]) != {movie_id: before[movie_id] for movie_id in movie_ids[:20]}
        world.deployed.pointer |= good
        rollback = world.deployed.change("model")
        wait_until_live(service, rollback)
        after = ask_all(service, movie_ids)
        load.stop()
    assert after == before
    assert count_failures(load.records) == {}
    assert {source for (source,) in load.records.select("source").unique().rows()} == {"fresh"}
