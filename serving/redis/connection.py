"""One connection to Redis: commands of one turn of the event loop share a few writes, and each command has a deadline.

redis-py spends 150 to 400 us of CPU on a command with fifty fields; this code spends about 20, most of it in hiredis.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis

log = logging.getLogger("serving.redis")

AT_ONCE = 16
"""Commands that are sent before the turn's end, so that Redis works on them while we read more requests."""
GRACE_SECONDS = 0.02
"""Time after a deadline in which a reply that has already arrived is still read: on a busy machine the loop may be late."""
NEVER = float("inf")

Future = asyncio.Future[Any]


class Connection(asyncio.Protocol):
    """A pipelined connection: replies arrive in the order of the commands. The reply to a cancelled command is dropped.

    Times are the loop's. One timer, set to the next deadline, serves all commands: an `asyncio.timeout` for each command would
    cost 4 us of a 60 us answer.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=self)
        self._waiting: deque[tuple[Future, float, float]] = deque()
        """For each command: its reply, the time it was sent, its deadline."""
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_due = NEVER
        self._heard_at = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the same methods but is not a subclass

    def ask(self, command: bytes, due: float) -> Future:
        """Send one packed command; awaiting its reply raises TimeoutError, ConnectionError or hiredis.ReplyError."""
        reply = self._await_reply(due)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(command)
        if len(self._unsent) == AT_ONCE:
            self._flush()
        return reply

    async def ask_many(self, commands: Sequence[bytes], due: float) -> list[Any]:
        """Send packed commands in one write and return their replies in order; one may be a hiredis.ReplyError. Raise OSError."""
        replies = [self._await_reply(due) for _ in commands]
        self._unsent += commands
        self._flush()
        found = await asyncio.gather(*replies, return_exceptions=True)
        if lost := next((reply for reply in found if isinstance(reply, OSError)), None):
            raise lost
        return found

    def _await_reply(self, due: float) -> Future:
        reply: Future = self._loop.create_future()
        if self.lost:
            reply.set_exception(ConnectionResetError("the connection is closed"))
            return reply
        self._waiting.append((reply, self._loop.time(), due))
        if due < self._next_due:
            self._look_at(due)
        return reply

    def _look_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._next_due = self._loop.call_at(due, self._find_late), due

    def _flush(self) -> None:
        if self._unsent and self._transport is not None and not self.lost:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _find_late(self) -> None:
        """End late commands after GRACE_SECONDS, and set the timer to the next deadline."""
        now = self._loop.time()
        open_ones = [waiting for waiting in self._waiting if not waiting[0].done()]
        if late := [waiting for waiting in open_ones if waiting[2] <= now]:
            self._loop.call_later(GRACE_SECONDS, self._end, late)
        self._timer, self._next_due = None, NEVER
        if in_time := [due for _, _, due in open_ones if due > now]:
            self._look_at(min(in_time))

    def _end(self, late: list[tuple[Future, float, float]]) -> None:
        """Fail the late commands. Close a connection that received nothing since a late command: it is paused or half open."""
        for reply, asked_at, _ in late:
            if not reply.done():
                reply.set_exception(TimeoutError())
                if self._heard_at < asked_at:
                    self.close()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            self._reader.feed(data)
            while (found := self._reader.gets()) is not self:
                reply, _, _ = self._waiting.popleft()
                if reply.done():
                    continue
                if isinstance(found, hiredis.ReplyError):
                    reply.set_exception(found)
                else:
                    reply.set_result(found)
        except (hiredis.ProtocolError, IndexError) as error:
            log.error("the server's reply is not in Redis's protocol: %r", error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for reply, _, _ in self._waiting:
            if not reply.done():
                reply.set_exception(ConnectionResetError("the connection was lost"))
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
