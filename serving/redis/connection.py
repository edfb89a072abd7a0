"""One connection to Redis: what is asked in one turn of the event loop is sent in few writes, and each question is due at a time.

redis-py spends 150 to 400 us of CPU on a command with fifty fields; this spends about 20, most of it in hiredis.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis

log = logging.getLogger("serving.redis")

AT_ONCE = 16
"""So many commands are sent without waiting for the turn's end: Redis works on them while we read further requests."""
GRACE_SECONDS = 0.02
"""After a reply was due the loop still reads what has arrived: on a busy machine it was we who were late, and not Redis."""
NEVER = float("inf")

Future = asyncio.Future[Any]


class Connection(asyncio.Protocol):
    """Commands out, replies in, in the same order. A caller that stops waiting leaves its place to a reply that is dropped.

    Times are the loop's. One timer, for whatever is due next, serves all: a timer and a task's `asyncio.timeout` for each
    question would cost 4 us of a 60 us answer.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=self)
        self._waiting: deque[tuple[Future, float, float]] = deque()
        """The reply, when it was asked for, when it is due."""
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_due = NEVER
        self._heard_at = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has all of it and not its name

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
        """Send packed commands in one write; their replies in order, hiredis.ReplyError among them; raises OSError."""
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
        """Give the late their grace, and wait for the earliest of the others."""
        now = self._loop.time()
        open_ones = [waiting for waiting in self._waiting if not waiting[0].done()]
        if late := [waiting for waiting in open_ones if waiting[2] <= now]:
            self._loop.call_later(GRACE_SECONDS, self._end, late)
        self._timer, self._next_due = None, NEVER
        if in_time := [due for _, _, due in open_ones if due > now]:
            self._look_at(min(in_time))

    def _end(self, late: list[tuple[Future, float, float]]) -> None:
        """Close a connection that was silent since a question: it is paused or half open, and a new one may be neither."""
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
            log.error("Redis answers with something else than Redis's protocol: %r", error)
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
