"""The service as its own process on real sockets, everything that it needs up; and the count of what it was asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from serving.app import create_app
from serving.settings import Settings
from tests.serving.any_request import outcome_counts
from tests.serving.any_request.contract import Contract
from tests.serving.conftest import CLOSED, invent_movies
from tests.serving.deployed import LIVE, Deployed
from tests.serving.published_features import Movie, write_features
from tests.serving.servers import Api, Valkey, free_port, wait_until


@dataclass(frozen=True)
class Served:
    """The service to ask, and the contract of its answers."""

    port: int
    grpc_port: int
    movies: list[Movie]
    document: dict[str, Any]
    contract: Contract


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory, model_bytes: bytes) -> Iterator[Served]:
    """One process for all tests; at its end its log must contain no error."""
    folder = tmp_path_factory.mktemp("served")
    movies = invent_movies(50)
    valkey = Valkey(folder / "valkey")
    valkey.start()
    write_features(valkey.port, LIVE, movies)
    deployed = Deployed(folder / "cache", valkey.admin())
    deployed.model(model_bytes)
    deployed.predictions(movies)
    api = Api(folder / "api", valkey.url, CLOSED, deployed.cache)
    grpc_port = free_port()
    more = {"S3_BUCKET": "bucket", "REDIS_TIMEOUT_SECONDS": "5"}
    api.environment |= {"GRPC_PORT": str(grpc_port)} | more
    try:
        api.start()
        wait_until(lambda: api.get("/readyz")[0] == 200, 30)
        document = read_document()
        yield Served(api.port, grpc_port, movies, document, Contract(document))
        code = api.stop()
        log = api.log.read_text()
        assert code in (0, -15)
        assert "raceback" not in log
        assert "failed" not in log
    finally:
        api.stop()
        valkey.stop()


def read_document() -> dict[str, Any]:
    """The application's own; nothing is opened for it."""
    return create_app(Settings.model_validate({"redis_url": "redis://127.0.0.1:9/0", "mlflow_tracking_uri": CLOSED})).openapi()


@pytest.fixture
def until_enough() -> Callable[[str, Callable[[settings], Callable[[], None]]], None]:
    """Play a part until it has made its share of requests; each round has as many examples as requests are missing."""

    def play(part: str, make: Callable[[settings], Callable[[], None]], at_once: int = 1) -> None:
        goal = outcome_counts.made(part) + outcome_counts.share(part)
        while (missing := goal - outcome_counts.made(part)) > 0:
            before = outcome_counts.made(part)
            make(examples(missing // at_once + 1))()
            assert outcome_counts.made(part) > before

    return play


def examples(count: int) -> settings:
    """The same examples each time in the short run, others each time in the long one."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=not outcome_counts.asked,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := outcome_counts.describe():
        terminalreporter.section("requests made")
        for line in lines:
            terminalreporter.write_line(line)
