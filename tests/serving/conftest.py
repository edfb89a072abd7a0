"""Fixtures of serving: a Valkey with published movies, a service that reads it, a model in its cache."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import redis

from serving.app import create_app
from serving.settings import Settings
from tests.serving.client import Client, run_app
from tests.serving.deployed import LIVE, Deployed
from tests.serving.log import Log
from tests.serving.published_features import Movie, write_features
from tests.serving.servers import Valkey
from tests.serving.tiny_models import FEATURES, export_onnx, train_boosting

CLOSED = "http://127.0.0.1:9"
"""Nothing listens there: MLflow is down."""


def invent_movies(count: int) -> list[Movie]:
    """Movies with a third of their features unknown."""
    random = np.random.default_rng(5)
    return [
        Movie(
            movie_id=f"tt{1000000 + n}",
            title=f"Film {n} — Fi\u0142m",
            features={name: None if random.random() < 0.3 else float(np.float32(random.normal())) for name in FEATURES},
            tmdb_id=5000 + n,
        )
        for n in range(count)
    ]


@pytest.fixture(scope="session")
def model_bytes() -> bytes:
    return export_onnx(train_boosting())


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture
def valkey(_valkey: Valkey) -> Valkey:
    """A running, empty Valkey, whatever the test before did to it."""
    _valkey.stop()
    _valkey.start()
    return _valkey


@dataclass(frozen=True)
class World:
    """The published data, and a way to start a service for them."""

    valkey: Valkey
    movies: list[Movie]
    deployed: Deployed
    serve: Callable[..., AbstractContextManager[Client]]
    """Its arguments are the settings to change."""
    log: Log

    def run(self, *command: str | bytes) -> None:
        """One Redis command, as the administrator."""
        self.redis.execute_command(*command)  # type: ignore[no-untyped-call]

    @property
    def cache(self) -> Path:
        return self.deployed.cache

    @property
    def redis(self) -> redis.Redis:
        return self.valkey.admin()


@pytest.fixture
def world(valkey: Valkey, tmp_path: Path, model_bytes: bytes) -> Iterator[World]:
    """Fifty movies and a model; MLflow is down. `with world.serve() as client` runs the service in this process."""
    movies = invent_movies(50)
    write_features(valkey.port, LIVE, movies)
    deployed = Deployed(tmp_path / "cache", valkey.admin())
    deployed.model(model_bytes)
    log = Log()

    def serve(**changes: object) -> AbstractContextManager[Client]:
        caches = {"deployment_cache_dir": deployed.cache}
        # Tests that are not about the deadline shall not fail by it on a busy machine.
        settings = {"redis_url": valkey.url, "mlflow_tracking_uri": CLOSED, "grpc_port": 0, "redis_timeout_seconds": 2, **caches}
        return run_app(create_app(Settings.model_validate(settings | changes), log))

    yield World(valkey, movies, deployed, serve, log)
    log.close()
