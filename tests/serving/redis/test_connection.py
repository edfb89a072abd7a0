"""Tests the shared connection to Redis: each caller gets the reply to its own command, whatever happens to the others."""

import asyncio
import random
import time
from collections.abc import Awaitable
from typing import Any, cast

import hiredis
import pytest

from serving.core.errors import StoreUnavailable
from serving.core.requested_id import RequestedId
from serving.features.feature_set import parse_feature_set
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import build_query
from serving.redis.command import greet, pack, pack_around, pack_word
from serving.redis.connection import AT_ONCE, GRACE_SECONDS, Connection
from serving.settings import Settings
from tests.serving.conftest import CLOSED, World
from tests.serving.tiny_models import FEATURES


class Wire:
    """A transport that remembers what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True


async def connect() -> tuple[Connection, Wire]:
    connection, wire = Connection(), Wire()
    connection.connection_made(cast(asyncio.BaseTransport, wire))
    return connection, wire


async def begin(*asked: Awaitable[Any]) -> list[asyncio.Future[Any]]:
    futures: list[asyncio.Future[Any]] = [asyncio.ensure_future(question) for question in asked]
    for _ in range(3):
        await asyncio.sleep(0)
    return futures


def within(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def test_few_commands_of_one_turn_are_one_write() -> None:
    async def run() -> None:
        connection, wire = await connect()
        first, second = await begin(connection.ask(b"A", within(60)), connection.ask(b"B", within(60)))
        assert wire.written == [b"AB"]
        connection.data_received(b"+o")
        connection.data_received(b"ne\r\n:2\r\n")
        assert (await first, await second) == (b"one", 2)

    asyncio.run(run())


def test_many_commands_of_one_turn_are_sent_in_groups() -> None:
    async def run() -> None:
        connection, wire = await connect()
        asked = await begin(*(connection.ask(b"%d " % number, within(60)) for number in range(2 * AT_ONCE + 1)))
        assert [len(written.split()) for written in wire.written] == [AT_ONCE, AT_ONCE, 1]
        assert b"".join(wire.written).split() == [b"%d" % number for number in range(len(asked))]
        connection.data_received(b"".join(b":%d\r\n" % number for number in range(len(asked))))
        assert await asyncio.gather(*asked) == list(range(len(asked)))

    asyncio.run(run())


def test_the_reply_to_a_cancelled_command_is_dropped() -> None:
    async def run() -> None:
        connection, wire = await connect()
        first, second = await begin(connection.ask(b"A", within(60)), connection.ask(b"B", within(60)))
        first.cancel()
        await asyncio.sleep(0)
        connection.data_received(b"$3\r\none\r\n$3\r\ntwo\r\n")
        assert await second == b"two"
        assert not wire.aborted

    asyncio.run(run())


def test_a_late_reply_is_a_timeout_for_its_caller_only() -> None:
    async def run() -> None:
        connection, wire = await connect()
        first, second = await begin(connection.ask(b"A", within(0.01)), connection.ask(b"B", within(60)))
        await asyncio.sleep(0.002)
        connection.data_received(b"$3\r\non")  # alive, and slow
        with pytest.raises(TimeoutError):
            await first
        assert not wire.aborted
        connection.data_received(b"e\r\n$3\r\ntwo\r\n")
        assert await second == b"two"

    asyncio.run(run())


def test_silence_since_the_command_leads_to_a_new_connection() -> None:
    async def run() -> None:
        connection, wire = await connect()
        await asyncio.sleep(0.002)
        with pytest.raises(TimeoutError):
            await connection.ask(b"A", within(0.01))
        assert wire.aborted
        with pytest.raises(ConnectionError):
            await connection.ask(b"B", within(60))

    asyncio.run(run())


def test_a_later_command_may_have_an_earlier_deadline() -> None:
    async def run() -> None:
        connection, _ = await connect()
        patient, hasty, next_one = await begin(*(connection.ask(b"A", within(seconds)) for seconds in (60, 0.01, 0.1)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hasty, 5)
        assert not next_one.done()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(next_one, 5)
        assert not patient.done()
        connection.connection_lost(None)
        await asyncio.gather(patient, return_exceptions=True)

    asyncio.run(run())


def test_a_reply_that_came_while_we_were_busy_is_not_late() -> None:
    async def run() -> None:
        connection, _ = await connect()
        (asked,) = await begin(connection.ask(b"A", within(0.01)))
        time.sleep(0.02)  # the loop is held up, as a large batch holds it up
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(GRACE_SECONDS / 4, connection.data_received, b"+one\r\n")
        assert await asked == b"one"

    asyncio.run(run())


@pytest.mark.parametrize("late", [True, False])
def test_many_at_once_are_one_write_and_one_of_them_late_is_all_late(late: bool) -> None:
    async def run() -> None:
        connection, wire = await connect()
        (asked,) = await begin(connection.ask_many([b"%d " % number for number in range(100)], within(0.05)))
        assert len(wire.written) == 1
        connection.data_received(b"".join(b":%d\r\n" % number for number in range(99 if late else 100)))
        if late:
            with pytest.raises(TimeoutError):
                await asked
        else:
            assert await asked == list(range(100))

    asyncio.run(run())


def test_a_lost_connection_fails_all_who_wait() -> None:
    async def run() -> None:
        connection, _ = await connect()
        asked = await begin(connection.ask(b"A", within(60)), connection.ask(b"B", within(60)))
        connection.connection_lost(None)
        assert all(isinstance(error, ConnectionError) for error in await asyncio.gather(*asked, return_exceptions=True))

    asyncio.run(run())


def test_an_error_reply_is_its_callers_only() -> None:
    async def run() -> None:
        connection, _ = await connect()
        first, second = await begin(connection.ask(b"A", within(60)), connection.ask(b"B", within(60)))
        connection.data_received(b"-NOPERM no\r\n+ok\r\n")
        with pytest.raises(hiredis.ReplyError, match="NOPERM"):
            await first
        assert await second == b"ok"

    asyncio.run(run())


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n", b"+one\r\n+more than was asked\r\n"])
def test_a_server_that_is_not_redis_is_disconnected(noise: bytes) -> None:
    async def run() -> None:
        connection, wire = await connect()
        await begin(connection.ask(b"A", within(60)))
        connection.data_received(noise)
        assert wire.aborted
        connection.connection_lost(None)

    asyncio.run(run())


def test_packed_commands() -> None:
    assert pack("GET", "a") == b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
    head, tail = pack_around([b"HMGET"], [b"f", b"g"])
    assert head + pack_word(b"key\0") + tail == pack("HMGET", b"key\0", "f", "g")
    assert greet("", "", "") == greet("", "", "0") == []
    assert greet("api", "p w", "2") == [pack("AUTH", "api", "p w"), pack("SELECT", "2")]
    assert greet("", "p", "0") == [pack("AUTH", "p")]


@pytest.mark.integration
def test_a_thousand_readers_at_once_get_their_own_movie(world: World) -> None:
    settings = {"redis_url": world.valkey.url, "mlflow_tracking_uri": CLOSED, "redis_timeout_seconds": 5}
    movies = random.Random(3).choices(world.movies, k=1000)

    async def run() -> list[str | None]:
        store = FeatureStore(Settings.model_validate(settings))
        query, live = build_query(FEATURES), parse_feature_set(world.deployed.pointer["features"])
        rows = await asyncio.gather(*(store.read_movie(RequestedId(movie_id=movie.movie_id), query, live) for movie in movies))
        await store.close()
        return [row.title for row in rows]

    assert asyncio.run(run()) == [movie.title for movie in movies]


@pytest.mark.integration
@pytest.mark.parametrize(("wrong", "word"), [("api:wrong", "WRONGPASS"), ("nobody:x", "WRONGPASS"), ("", "NOAUTH")])
def test_wrong_credentials_are_reported_without_the_password(world: World, wrong: str, word: str) -> None:
    world.run("ACL", "SETUSER", "default", ">secret")
    url = f"redis://{wrong}@127.0.0.1:{world.valkey.port}/0"

    async def run() -> None:
        store = FeatureStore(Settings.model_validate({"redis_url": url, "mlflow_tracking_uri": CLOSED}))
        with pytest.raises(StoreUnavailable, match=word) as caught:
            await store.read_key(b"key")
        assert "wrong@" not in str(caught.value)
        await store.close()

    asyncio.run(run())
