"""Callers that send or read slowly, over a real socket: they occupy a connection for a while and nothing else."""

import asyncio
import time

import pytest

from tests.serving.http.fake_service import (
    ARRIVAL_SECONDS,
    CHUNKED,
    GOOD,
    GOODBYE,
    HOST,
    LAST,
    RESET,
    SILENCE,
    FakeService,
    check_refusal,
    chunks,
    post,
    run,
    statuses,
)

pytestmark = pytest.mark.integration

SLOW = {
    "head": (b"GET /movies HT", b"TP/1.1\r\nHo", b"st: a", b"pi\r\n", b"x: y\r\n", b"x: y\r\n", b"x: y\r\n", b"x: y\r\n"),
    "url": (b"GET /movies?", *[b"a"] * 10),
    "body": (b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n", *[b"a"] * 10),
    "chunks": (CHUNKED, *[chunks(b"a")] * 10),
    "trailers": (CHUNKED + b"0\r\n", *[b"t: railer\r\n"] * 10),
    "nothing after a part": (b"GET /movies HTTP/1.1\r\n",),
}


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_a_request_that_dribbles_in_is_answered_408_and_cut_off(parts: tuple[bytes, ...]) -> None:
    async def scene(world: FakeService) -> None:
        started = time.monotonic()
        heard = await world.say(*parts, pause=ARRIVAL_SECONDS / 6)
        assert time.monotonic() - started > ARRIVAL_SECONDS * 0.9
        check_refusal(world, heard, 408, "request_timeout")

    run(scene)


@pytest.mark.parametrize("parts", [(), (b"\r\n",) * 10], ids=["nothing", "empty lines"])
def test_a_silent_connection_is_closed(parts: tuple[bytes, ...]) -> None:
    async def scene(world: FakeService) -> None:
        assert await world.say(*parts, pause=ARRIVAL_SECONDS / 6) in (b"", RESET)
        assert world.state.connections == set()
        assert world.lines == []

    run(scene)


@pytest.mark.parametrize("parts", [(b"GET /movies", *[b"x"] * 10), (b"\r\n",) * 10], ids=["half a request", "empty lines"])
def test_a_second_request_has_no_more_time_than_the_first(parts: tuple[bytes, ...]) -> None:
    async def scene(world: FakeService) -> None:
        heard = await world.say(GOOD, *parts, pause=ARRIVAL_SECONDS / 6)
        assert statuses(heard)[0] == 200
        assert not heard.endswith(SILENCE)

    run(scene)


def test_an_idle_connection_may_stay_idle_between_requests() -> None:
    async def scene(world: FakeService) -> None:
        heard = await world.say(GOOD, GOODBYE, pause=ARRIVAL_SECONDS * 1.5)
        assert statuses(heard) == [200, 200]

    run(scene)


def test_an_idle_connection_is_closed_after_keep_alive_seconds() -> None:
    async def scene(world: FakeService) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(GOOD)
        started = time.monotonic()
        async with asyncio.timeout(30):  # the default is 75 s
            heard = await reader.read()
        assert statuses(heard) == [200]
        assert time.monotonic() - started >= 1
        writer.transport.abort()

    run(scene, keep_alive_seconds=1)


def test_an_answer_may_take_longer_than_a_request() -> None:
    async def scene(world: FakeService) -> None:
        asyncio.get_running_loop().call_later(ARRIVAL_SECONDS * 1.5, world.go.set)
        assert statuses(await world.say(b"GET /wait HTTP/1.1\r\n" + LAST + b"\r\n")) == [200]

    run(scene)


def test_pending_answers_keep_their_order_and_the_rejection_is_last() -> None:
    async def scene(world: FakeService) -> None:
        heard = await world.say(
            GOOD * 3 + post(b"abc").replace(b"Connection: close\r\n", b"") + GOOD + b"nonsense\r\n\r\n" + GOOD
        )
        assert statuses(heard) == [200, 200, 200, 200, 200, 400]
        assert not heard.endswith((SILENCE, RESET))

    run(scene)


def test_a_long_pipeline_of_requests_is_answered_whole() -> None:
    async def scene(world: FakeService) -> None:
        heard = await world.say(GOOD * 2_000 + GOODBYE)
        assert statuses(heard) == [200] * 2_001

    run(scene, max_in_flight=1)  # those of one connection are answered one after another


def test_a_caller_that_does_not_read_is_cut_off() -> None:
    async def scene(world: FakeService) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", world.port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /huge HTTP/1.1\r\n" + HOST + b"\r\n")
        async with asyncio.timeout(5):
            while not world.state.connections:
                await asyncio.sleep(0.01)
            while world.state.connections:
                await asyncio.sleep(0.01)
        writer.transport.abort()

    run(scene)
