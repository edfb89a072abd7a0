"""Two workers on the tests' own Valkey, with a model and published ratings on disk, as the benches load them for longer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

import pytest

from tests.bench.scenarios.fault_scenes import FRESH, PREDICTION_SET, Ratings
from tests.bench.service import Service
from tests.bench.versions import rate
from tests.serving.conftest import CLOSED, World
from tests.serving.prediction_set.factories import Movie
from tests.serving.servers import REPOSITORY

PYTHON = str(REPOSITORY / ".marquee/venvs/serving/bin/python")
Serve = Callable[..., Service]


@pytest.fixture
def ratings(world: World, model_bytes: bytes) -> Ratings:
    """The model's for fresh answers; those of the tests' prediction set are all the same."""
    published = round(Movie("").model_output, 4)
    movies = {movie.movie_id: movie.features for movie in world.movies}
    return {FRESH: rate(model_bytes, movies), PREDICTION_SET: dict.fromkeys(movies, published)}


@pytest.fixture
def serve(world: World, tmp_path: Path) -> Iterator[Serve]:
    """Start a service that is ready; takes variables that shall differ. MLflow is down unless one of them says where it is."""
    with ExitStack() as ends:

        def serve(**changes: str) -> Service:
            folder = tmp_path / "service"
            world.deployed.predictions(world.movies)
            copytree(world.cache, folder / "deployments")
            environment = {"REDIS_URL": world.valkey.url, "MLFLOW_TRACKING_URI": CLOSED, "S3_BUCKET": "none"}
            service = Service(PYTHON, folder, environment | {"AWS_EC2_METADATA_DISABLED": "true"} | changes)
            ends.callback(service.stop)
            service.start()
            return service

        yield serve
