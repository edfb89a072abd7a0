"""One Redis connection for the whole process: what is asked in one turn of the event loop is sent in few writes.

redis-py spends 150 to 400 us of CPU on a command with fifty fields; this spends about 20, most of it in hiredis.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import hiredis

from serving.features.redis_command import greet

log = logging.getLogger("serving.redis")

PORT = 6379
AT_ONCE = 16
"""So many commands are sent without waiting for the turn's end: Redis works on them while we read further requests."""

Future = asyncio.Future[Any]


class Connection(asyncio.Protocol):
    """Commands out, replies in, in the same order. A caller that stops waiting leaves its place to a reply that is dropped."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=self)
        self._waiting: deque[Future] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._heard_at = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has all of it and not its name

    async def ask(self, command: bytes) -> Any:
        """Send one packed command and wait for its reply; raises ConnectionError, or hiredis.ReplyError."""
        if self.lost:
            raise ConnectionResetError("the connection is closed")
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(command)
        reply: Future = self._loop.create_future()
        self._waiting.append(reply)
        if len(self._unsent) == AT_ONCE:
            self._flush()
        asked_at = self._loop.time()
        try:
            return await reply
        except asyncio.CancelledError:
            self._give_up(asked_at)
            raise

    def _give_up(self, asked_at: float) -> None:
        """Close a connection that was silent since: it is paused or half open, and a new one may be neither."""
        if self._heard_at < asked_at:
            self.close()

    async def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """Send packed commands in one write; their replies in order, hiredis.ReplyError among them; raises ConnectionError."""
        if self.lost:
            raise ConnectionResetError("the connection is closed")
        self._unsent += commands
        replies = [self._loop.create_future() for _ in commands]
        self._waiting += replies
        self._flush()
        asked_at = self._loop.time()
        try:
            found = await asyncio.gather(*replies, return_exceptions=True)
        except asyncio.CancelledError:
            self._give_up(asked_at)
            raise
        if lost := next((reply for reply in found if isinstance(reply, ConnectionError)), None):
            raise lost
        return found

    def _flush(self) -> None:
        if self._unsent and self._transport is not None and not self.lost:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not self:
                waiting = self._waiting.popleft()
                if waiting.done():
                    continue
                if isinstance(reply, hiredis.ReplyError):
                    waiting.set_exception(reply)
                else:
                    waiting.set_result(reply)
        except (hiredis.ProtocolError, IndexError) as error:
            log.error("Redis answers with something else than Redis's protocol: %r", error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the connection was lost"))
        self._waiting.clear()

    def close(self) -> None:
        self.lost = True
        if self._transport is not None:
            self._transport.abort()


class RedisPipe:
    """Keeps one Connection to a redis:// or rediss:// address; a lost one is replaced by the next question."""

    def __init__(self, url: str, connect_seconds: float) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or PORT
        self._tls = ssl.create_default_context() if address.scheme == "rediss" else None
        self._greeting = greet(unquote(address.username or ""), unquote(address.password or ""), address.path.strip("/"))
        self._connect_seconds = connect_seconds
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None

    async def ask(self, command: bytes) -> Any:
        """Ask one packed command; raises OSError or hiredis.HiredisError. The deadline is the caller's."""
        connection = self._connection
        if connection is None or connection.lost:
            connection = await self._connect()
        return await connection.ask(command)

    async def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """Ask them all in one round trip; a reply may be a hiredis.ReplyError; raises OSError or hiredis.HiredisError."""
        connection = self._connection
        if connection is None or connection.lost:
            connection = await self._connect()
        return await connection.ask_many(commands)

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()

    async def _connect(self) -> Connection:
        """All who find the connection lost wait for one attempt, which lives on when one of them gives up."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._open())
            self._connecting.add_done_callback(self._opened)
        return await asyncio.shield(self._connecting)

    def _opened(self, attempt: asyncio.Task[Connection]) -> None:
        self._connecting = None
        if not attempt.cancelled() and attempt.exception() is None:
            self._connection = attempt.result()

    async def _open(self) -> Connection:
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self._connect_seconds):
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=self._tls)
                for command in self._greeting:
                    await connection.ask(command)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return connection
