"""A TCP proxy that can be slow, cut connections, or fall silent; runs in a thread of its own."""

import asyncio
import socket
import struct
import threading
from collections import deque
from types import TracebackType
from typing import Any, Self

CHUNK = 65_536


class SlowProxy:
    """Listens on `port` of loopback and speaks to another; its delay and silence may be changed at any time."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self.delay_seconds = 0.0
        """The delay of each reply."""
        self.silent = False
        """Drop all data, with connections left open."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._meetings: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._meet, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        await self._reset()
        await asyncio.gather(*self._meetings)

    def reset(self) -> None:
        """Cut every connection with a RST."""
        asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result()

    async def _reset(self) -> None:
        for writer in tuple(self._open):
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meeting = asyncio.current_task()
        assert meeting is not None
        self._meetings.add(meeting)
        meeting.add_done_callback(self._meetings.discard)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._open |= ends
        both = [
            asyncio.create_task(self._pass(reader, back, late=False)),
            asyncio.create_task(self._pass(there, writer, late=True)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        self._open -= ends
        for end in ends:
            end.transport.abort()
        await asyncio.gather(*both, return_exceptions=True)  # a cut connection is what this is for

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool) -> None:
        loop, due, waiting = asyncio.get_running_loop(), 0.0, deque[bytes]()
        while data := await reader.read(CHUNK):
            if self.silent:
                continue
            delay = self.delay_seconds if late else 0
            if not delay and not waiting:
                writer.write(data)
                continue
            due = max(due + 1e-6, loop.time() + delay)  # never before what came before it: the order is TCP's promise
            waiting.append(data)
            loop.call_at(due, send_first, writer, waiting)


def send_first(writer: asyncio.StreamWriter, waiting: deque[bytes]) -> None:
    """Send what has waited longest: a timer that is due may run after what is read in the same turn of the loop."""
    data = waiting.popleft()
    if not writer.transport.is_closing():
        writer.write(data)
