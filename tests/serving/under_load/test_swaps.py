"""Tests swaps of deployments and rollovers of the workers under load: no request fails or gets another version's rating."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.scenarios.swaps import describe, find_broken, swap
from tests.bench.versions import Live, connect, rate, read_digests, register, shift
from tests.serving.conftest import World
from tests.serving.releases import make_release
from tests.serving.servers import Server, mlflow_server
from tests.serving.under_load.conftest import Serve

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's client warns of itself


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Server]:
    server = mlflow_server(tmp_path / "mlflow")
    server.start()
    yield server
    server.stop()


def test_deployments_come_and_go_and_no_request_is_lost(
    world: World, serve: Serve, registry: Server, model_bytes: bytes, tmp_path: Path
) -> None:
    uri = f"http://127.0.0.1:{registry.port}"
    client, release = connect(uri), json.loads(make_release(model_bytes))
    models = {register(client, model, release): model for model in (model_bytes, shift(model_bytes, 0.25))}
    movies = {movie.movie_id: movie.features for movie in world.movies}
    ratings = {version: rate(model, movies) for version, model in models.items()}
    parts = {version: read_digests(client, version) for version in models}
    live = Live(lambda version: world.deployed.change("model", **parts[version]))
    first, second = models
    service = serve(MLFLOW_TRACKING_URI=uri, DEPLOYMENT_POLL_SECONDS="0.2", S3_BUCKET="")
    live.move(second)
    service.wait_until_serving(second)  # so that both are on disk, and a busy machine swaps within the two seconds of a turn
    live.move(first)
    service.wait_until_serving(first)
    records, rollovers = swap(service, live, ratings, tmp_path, seconds=14, swaps=6, rate=100)
    assert find_broken(describe(records, live, ratings, rollovers), ratings) == []
