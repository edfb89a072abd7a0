"""Tests the drain of a process: every request is answered, and each connection gets `Connection: close`."""

import asyncio

import pytest

from tests.serving.http.fake_service import GOOD, HOST, RESET, SILENCE, FakeService, hear, run, statuses

pytestmark = pytest.mark.integration


class Caller:
    """One connection, kept."""

    def __init__(self, world: FakeService) -> None:
        self._world = world

    async def __aenter__(self) -> "Caller":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._world.port)
        await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()


def drain(world: FakeService) -> None:
    world.state.draining = True
    for connection in tuple(world.state.connections):
        connection.shutdown()


def test_a_drained_connection_gets_one_more_answer_with_connection_close() -> None:
    async def scene(world: FakeService) -> None:
        async with (
            Caller(world) as idle,
            Caller(world) as busy,
            Caller(world) as fresh,
            Caller(world) as half,
            Caller(world) as silent,
        ):
            idle.writer.write(GOOD)
            busy.writer.write(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
            half.writer.write(GOOD[:20])
            await asyncio.sleep(0.1)
            drain(world)
            await asyncio.sleep(0.05)
            world.go.set()
            idle.writer.write(GOOD)
            fresh.writer.write(GOOD)
            half.writer.write(GOOD[20:])
            async with Caller(world) as late:  # accepted just before the listening socket was closed
                late.writer.write(GOOD)
                for caller, answers in ((idle, 2), (busy, 1), (fresh, 1), (half, 1), (late, 1)):
                    heard = await hear(caller.reader)
                    assert statuses(heard) == [200] * answers
                    assert heard.count(b"connection: close") == 1
                    assert not heard.endswith((SILENCE, RESET))
            assert await hear(silent.reader) == b""
        assert world.state.connections == set()

    run(scene)


def test_a_drain_sends_all_pending_answers() -> None:
    async def scene(world: FakeService) -> None:
        async with Caller(world) as caller:
            caller.writer.write(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
            await asyncio.sleep(0.05)
            drain(world)
            caller.writer.write(GOOD * 2)
            await asyncio.sleep(0.05)
            world.go.set()
            heard = await hear(caller.reader)
        assert statuses(heard) == [200, 200, 200]
        assert heard.count(b"connection: close") == 1
        assert not heard.endswith((SILENCE, RESET))

    run(scene)
