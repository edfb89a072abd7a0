"""The Redis client of the process, with one connection that is replaced when it is lost."""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from serving.redis.command import greet
from serving.redis.connection import Connection

PORT = 6379


class RedisClient:
    """A client with one Connection to a redis:// or rediss:// address; the next command replaces a lost connection."""

    def __init__(self, url: str, connect_seconds: float) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or PORT
        self._tls = ssl.create_default_context() if address.scheme == "rediss" else None
        self._greeting = greet(unquote(address.username or ""), unquote(address.password or ""), address.path.strip("/"))
        self._connect_seconds = connect_seconds
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None

    def ask(self, command: bytes, due: float) -> Awaitable[Any]:
        """Send one packed command; awaiting the reply raises OSError (TimeoutError included) or hiredis.HiredisError.

        due: the deadline in the loop's time. With an open connection this returns a future, which is cheaper than a coroutine.
        """
        connection = self._connection
        if connection is None or connection.lost:
            return self._connect_and_ask(command, due)
        return connection.ask(command, due)

    async def ask_many(self, commands: Sequence[bytes], due: float) -> list[Any]:
        """Send all commands in one round trip; a reply may be a hiredis.ReplyError. Raise OSError or hiredis.HiredisError."""
        connection = self._connection
        if connection is None or connection.lost:
            connection = await self._connect(due)
        return await connection.ask_many(commands, due)

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()

    async def _connect_and_ask(self, command: bytes, due: float) -> Any:
        connection = await self._connect(due)
        return await connection.ask(command, due)

    async def _connect(self, due: float) -> Connection:
        """Return a new connection. All callers share one attempt, which continues when a caller's deadline passes."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._open())
            self._connecting.add_done_callback(self._opened)
        async with asyncio.timeout_at(due):
            return await asyncio.shield(self._connecting)

    def _opened(self, attempt: asyncio.Task[Connection]) -> None:
        self._connecting = None
        if not attempt.cancelled() and attempt.exception() is None:
            self._connection = attempt.result()

    async def _open(self) -> Connection:
        connection: Connection | None = None
        loop = asyncio.get_running_loop()
        due = loop.time() + self._connect_seconds
        try:
            async with asyncio.timeout_at(due):
                _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=self._tls)
                for command in self._greeting:
                    await connection.ask(command, due)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return connection
