"""uvicorn's HTTP protocol with what it lacks against slow, huge and departing callers.

The application is called when a request has arrived whole, so that one that dribbles in occupies a connection and nothing
else; one that is too large or too slow is answered and cut off; and at the end callers are told to go before they are left.
A rejected request still goes through the application, as scope['rejection'], so that it is answered, counted and logged.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.access.rejections import (
    ARRIVAL_SECONDS,
    BODY_BYTES,
    BODY_TOO_LARGE,
    HEAD_BYTES,
    HEADERS_TOO_LARGE,
    MALFORMED,
    MAX_HEADERS,
    TOO_SLOW,
    URL_TOO_LONG,
    Rejection,
)
from serving.process.ignore_upgrade import continue_request, has_body
from serving.process.write_coalescing import CoalescingProtocol

QUIET_SECONDS = 5
"""A connection that is idle when the process is told to end has this long to ask once more and be told to go."""
STUCK_SECONDS = 10
"""A caller that does not read its answers for so long is cut off."""
RAW_BYTES = 1024 * 1024
"""Of one request with all its framing: a small body may come in very many chunks, or with trailers without end."""


class Stop(httptools.HttpParserError):
    """Ends the parsing of what follows a request that was refused."""


class ApiProtocol(CoalescingProtocol):
    """What uvicorn is given as `http`; `server_state.draining` says whether the process is about to end."""

    arrival_seconds: float = ARRIVAL_SECONDS
    quiet_seconds: float = QUIET_SECONDS
    stuck_seconds: float = STUCK_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._whole: Any = None
        """The scope of the last request that arrived whole."""
        self._held: Any = None
        """The application that waits for the rest of the request that is next in line."""
        self._deadline: asyncio.TimerHandle | None = None
        """Runs while a request is awaited; not while one is answered."""
        self._stuck: asyncio.TimerHandle | None = None
        self._raw = 0
        self._careful = self._draining = self._rejected = False
        self._parting: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.arrival_seconds, self._give_up)
        if getattr(self.server_state, "draining", False):
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._held = None
        for timer in (self._deadline, self._stuck, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        self._deadline = self._stuck = None

    def data_received(self, data: bytes) -> None:
        """As uvicorn does it, but for what is wrong, slow or large; a read that can hold nothing too large costs a comparison."""
        if self._rejected:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if len(data) > HEAD_BYTES:
            self._careful = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_on(memoryview(data)[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._reject(MALFORMED)
        if self._rejected:
            return
        if self._deadline is not None:
            self._await_rest(len(data))
        elif self.scope is not self._whole or self.cycle.response_complete:
            self._raw = 0
            self._deadline = self.loop.call_later(self.arrival_seconds, self._give_up)
            self._await_rest(0)

    def _read_on(self, rest: memoryview) -> None:
        """Read what follows the head of a request for another protocol: its body, if it has one, and the next requests."""
        while True:
            try:
                if self.scope is not self._whole:
                    self.parser = continue_request(self, self.parser.get_http_version(), self.headers)
                if rest:
                    self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except httptools.HttpParserError:  # of the rest, or of a framing that only the second parser is asked about
                self._reject(MALFORMED)
                return
            else:
                return

    def _await_rest(self, received: int) -> None:
        """Bound what one request may send before it is whole."""
        self._careful = True
        self._raw += received
        if self._has_head():
            if self._raw > RAW_BYTES or self._examine_length() > BODY_BYTES:
                self._reject(BODY_TOO_LARGE)
        elif self._raw > 2 * HEAD_BYTES:
            self._reject(URL_TOO_LONG if self.scope and len(self.url) > HEAD_BYTES else HEADERS_TOO_LARGE)

    def _has_head(self) -> bool:
        """Whether the newest request has its head, and therefore a cycle."""
        return self.cycle is not None and self.cycle.scope is self.scope

    def on_headers_complete(self) -> None:
        if not (self._careful or self.expect_100_continue or len(self.headers) > MAX_HEADERS):
            super().on_headers_complete()
            return
        if (wrong := self._examine_head()) is not None:
            self._reject(wrong)
            raise Stop
        super().on_headers_complete()
        if self._examine_length() > BODY_BYTES:
            self._reject(BODY_TOO_LARGE)
            raise Stop
        if self._held is not None and self.cycle.waiting_for_100_continue:
            self.cycle.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._draining:
            self._part()

    def _examine_head(self) -> Rejection | None:
        if len(self.url) > HEAD_BYTES:
            return URL_TOO_LONG
        size = sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
        return HEADERS_TOO_LARGE if size > HEAD_BYTES or len(self.headers) > MAX_HEADERS else None

    def _examine_length(self) -> int:
        """The length that the caller announces; the parser has refused what is no number."""
        return next((int(value) for name, value in self.headers if name == b"content-length"), 0)

    def on_body(self, body: bytes) -> None:
        if len(self.cycle.body) + len(body) > BODY_BYTES:
            self._reject(BODY_TOO_LARGE)
            raise Stop
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and has_body(self.headers):
            return  # the body is yet to be read
        super().on_message_complete()
        self._whole = self.scope
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if (app := self._held) is not None:
            self._held = None
            super()._start_asgi_task(self.cycle, app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Called when it is this request's turn, which may be before all of it is there."""
        if cycle.more_body:
            self._held = app
        else:
            super()._start_asgi_task(cycle, app)

    def _give_up(self) -> None:
        self._deadline = None
        if self.scope is not self._whole:
            self._reject(TOO_SLOW)
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()  # it sent nothing, or empty lines: there is nothing to answer

    def _reject(self, rejection: Rejection) -> None:
        """Answer in this request's turn, then close; what else the caller sends is not read."""
        if self._rejected or self.transport.is_closing():
            return
        self._rejected = True
        self.transport.linger = True  # type: ignore[attr-defined]  # it is CoalescedWrites
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self.scope is self._whole:
            self.on_message_begin()  # what came is not even the begin of a request
        if not self._has_head():
            known = bool(self.url)
            self.url, self.expect_100_continue = b"/", False
            HttpToolsProtocol.on_headers_complete(self)
            self.scope["path"], self.scope["raw_path"] = "", b""
            if not known:
                self.scope["method"] = ""
        self.scope["rejection"] = rejection  # type: ignore[typeddict-unknown-key]
        self.cycle.keep_alive = self.cycle.more_body = self.cycle.waiting_for_100_continue = False
        if (app := self._held) is not None:
            self._held = None
            super()._start_asgi_task(self.cycle, app)

    def shutdown(self) -> None:
        """Called by the server when it is told to end: from now on the last answer in line says `Connection: close`.

        An idle connection is not closed yet: its caller may be sending at this very moment, and would get no answer.
        """
        self._draining = self._careful = True
        self.timeout_keep_alive = self.quiet_seconds  # type: ignore[assignment]
        if self.cycle is None or self.cycle.response_complete:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(self.quiet_seconds, self.timeout_keep_alive_handler)
        else:
            self._part()

    def _part(self) -> None:
        """Let the newest answer in line be the last; one that was to be the last before it is not."""
        if self._parting is not None and not self._parting.response_started:
            self._parting.keep_alive = True
        last = self.cycle
        self._parting = last if last.keep_alive and not last.response_started else None
        if self._parting is not None:
            last.keep_alive = False

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self.stuck_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
