"""A steady load for seconds instead of minutes: nothing fails, and each answer leaves its receipt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack import Stack
from tests.bench.scenarios.soak import find_broken, soak
from tests.schemas import own_schema
from tests.serving.conftest import World
from tests.serving.servers import wait_until
from tests.serving.under_load.conftest import Serve

pytestmark = pytest.mark.integration


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """A receipts' database of the test's own."""
    with own_schema(stack.environment("serving")["RECEIPTS_DATABASE_URL"], "receipts") as url:
        yield url


def test_a_steady_load_leaves_no_failure_and_every_receipt(world: World, serve: Serve, url: str, tmp_path: Path) -> None:
    service = serve(RECEIPTS_DATABASE_URL=url)
    wait_until(lambda: service.ask("/readyz")[1]["receipts"] == "kept", what="Postgres taking receipts")
    movies = [movie.movie_id for movie in world.movies]
    figures = soak(service, movies, url, tmp_path, rate=200, seconds=6)
    assert find_broken(figures, timed=False) == []
    assert figures["requests"] == 1200
    assert len([name for name in figures if name.startswith("worker ")]) == 2
