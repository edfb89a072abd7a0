"""Tests the writes of uvicorn's protocol with a counting transport: one for an answer, none lost, none too late."""

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from serving.process.write_coalescing import CoalescedWrites, CoalescingProtocol

REQUEST = b"GET / HTTP/1.1\r\nhost: api\r\n\r\n"


class Wire(asyncio.Transport):
    """Records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Uvicorn asks for it while answers wait in line."""

    def resume_reading(self) -> None:
        """And for the end of it."""


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def talk(request: bytes) -> Wire:
    config = Config(answer, http=CoalescingProtocol, log_config=None, lifespan="off", date_header=False, server_header=False)
    wire = Wire()
    protocol = CoalescingProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(wire)
    protocol.data_received(request)
    for _ in range(10):
        await asyncio.sleep(0)
    protocol.shutdown()
    return wire


def test_an_answer_is_one_write() -> None:
    wire = asyncio.run(talk(REQUEST))
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]


def test_pending_answers_keep_their_order_and_none_is_lost() -> None:
    wire = asyncio.run(talk(REQUEST * 3))
    assert b"".join(wire.writes) == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" * 3


def test_what_was_written_leaves_before_the_connection_closes() -> None:
    wire = asyncio.run(talk(b"nonsense\r\n\r\n"))
    assert wire.closed
    assert b"".join(wire.writes).startswith(b"HTTP/1.1 400 Bad Request")


def test_nothing_is_written_to_a_connection_that_went_away() -> None:
    async def scene() -> Wire:
        wire = Wire()
        joined = CoalescedWrites(wire)
        joined.write(b"too late")
        wire.close()
        await asyncio.sleep(0)
        return wire

    assert asyncio.run(scene()).writes == []
