"""A feature set that does not fit into Redis is refused before it is written; against a real server."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from redis import Redis

from tasks.core.errors import BadSetting
from tasks.core.features.content import Content
from tasks.core.features.online_rows import render_rows
from tasks.io.feast.online_memory import check_fits, read_memory
from tasks.io.feast.online_store import write_commands
from tests.serving.servers import Valkey

pytestmark = pytest.mark.integration
SET = "movies_20261127_0123456789ab_01234567"
MOVIES = 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(server: Valkey) -> Redis:
    """The server, empty and without a limit."""
    client = server.admin()
    client.config_set("maxmemory", 0)
    client.config_set("maxmemory-policy", "noeviction")
    empty(client)
    return client


def empty(client: Redis) -> None:
    client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]  # by default its memory is freed later


@pytest.fixture(scope="module")
def views() -> dict[str, pl.DataFrame]:
    """Movies with forty features, a third of them unknown, and titles of 1 to 60 letters; half have a TMDB id."""
    random = np.random.default_rng(0)
    ids = [f"tt{number:07d}" for number in range(MOVIES)]
    unknown = random.random((40, MOVIES)) < 1 / 3
    features = {
        f"feature_{number}": pl.Series(random.normal(size=MOVIES)).scatter(np.flatnonzero(unknown[number]).tolist(), None)
        for number in range(40)
    }
    times = [datetime(2026, 11, 27)] * MOVIES  # noqa: DTZ001  # UTC, as the offline store has it
    titles = ["x" * int(length) for length in random.integers(1, 60, MOVIES)]
    movies = pl.DataFrame({"movie_id": ids, **features, "title": titles, "event_timestamp": times})
    tmdb_ids = pl.DataFrame({"tmdb_id": range(MOVIES), "movie_id": ids, "event_timestamp": times})[::2]
    return {"movies": movies, "tmdb_ids": tmdb_ids}


def write(redis: Redis, views: dict[str, pl.DataFrame], share: float = 1) -> None:
    for view, rows in views.items():
        for chunk in rows.head(round(rows.height * share)).iter_slices(5_000):
            write_commands(redis, render_rows(chunk, view, rows.columns[0], SET), chunk.height)


def measure(redis: Redis, views: dict[str, pl.DataFrame]) -> int:
    """The bytes that the whole set takes."""
    _, before = read_memory(redis)
    write(redis, views)
    _, after = read_memory(redis)
    empty(redis)
    return after - before


def describe(views: dict[str, pl.DataFrame]) -> Content:
    """All rows are the sample."""
    movies = views["movies"]
    return Content("", movies.height, sum(rows.height for rows in views.values()), movies)


def leave_free(redis: Redis, size: float) -> None:
    _, used = read_memory(redis)
    redis.config_set("maxmemory", round(used + size))


def test_a_set_that_fits_is_let_through_and_one_that_does_not_is_refused(redis: Redis, views: dict[str, pl.DataFrame]) -> None:
    size = measure(redis, views)
    leave_free(redis, 1.15 * size)
    check_fits(redis, SET, views, describe(views))
    leave_free(redis, 0.9 * size)
    with pytest.raises(
        BadSetting, match=r"REDIS_MAXMEMORY: the feature set needs \d+\.\d MiB for 30000 keys, and of its \d+"
    ) as told:
        check_fits(redis, SET, views, describe(views))
    assert str(told.value).endswith(f"Redis has {0.9 * size / 2**20:.1f} free; raise it, or lower KEEP_DEPLOYMENTS")
    assert redis.dbsize() == 0


def test_what_was_let_through_can_be_written(redis: Redis, views: dict[str, pl.DataFrame]) -> None:
    leave_free(redis, 1.15 * measure(redis, views))
    write(redis, views)
    assert redis.dbsize() == MOVIES * 3 / 2


def test_a_set_of_which_a_part_is_there_needs_the_rest_alone(redis: Redis, views: dict[str, pl.DataFrame]) -> None:
    size = measure(redis, views)
    write(redis, views, share=0.5)
    leave_free(redis, 0.6 * size)
    check_fits(redis, SET, views, describe(views))
    leave_free(redis, 0.4 * size)
    with pytest.raises(BadSetting):
        check_fits(redis, SET, views, describe(views))


def test_without_a_limit_every_set_is_let_through(redis: Redis, views: dict[str, pl.DataFrame]) -> None:
    check_fits(redis, SET, views, describe(views))


def test_a_full_server_is_reported(redis: Redis, views: dict[str, pl.DataFrame]) -> None:
    leave_free(redis, 0)
    with pytest.raises(BadSetting, match="REDIS_MAXMEMORY: Redis has used all of its"):
        check_fits(redis, SET, views, describe(views))
