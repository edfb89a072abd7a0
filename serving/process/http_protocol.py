"""uvicorn's HTTP protocol with additional limits and a drain; README.md lists the limits that a proxy could set instead.

The application is called only when a request is complete, so that a slow request occupies nothing but its connection. A
request that is too large or too slow is answered and its connection is closed. During a drain, callers receive
`Connection: close` before their connection ends. A rejected request still goes through the application, as
scope['rejection'], so that it is answered, counted and logged.
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
    MAX_HEADERS,
    TOO_SLOW,
    URL_TOO_LONG,
    Rejection,
    malformed,
)
from serving.process.ignore_upgrade import continue_request, has_body
from serving.process.write_coalescing import CoalescingProtocol

QUIET_SECONDS = 5
"""Time in which an idle connection may send one more request after the drain begins."""
STUCK_SECONDS = 10
"""Time after which the connection of a caller that does not read its answers is closed."""
RAW_BYTES = 1024 * 1024
"""Limit of one request with its framing, because a small body can have very many chunks or endless trailers."""


class Stop(httptools.HttpParserError):
    """Exception that ends the parsing after a rejected request."""


def explain(error: httptools.HttpParserError) -> Rejection:
    """Return the rejection for a parser error, with the parser's own fixed text."""
    if isinstance(error, httptools.HttpParserInvalidURLError):
        return malformed("its address must be ASCII; percent-encode other characters as UTF-8, such as %C3%A9 for \u00e9")
    return malformed(str(error))


class ApiProtocol(CoalescingProtocol):
    """The protocol class for uvicorn's configuration; its `server_state` is a `serving.process.server.State`."""

    arrival_seconds: float = ARRIVAL_SECONDS
    quiet_seconds: float = QUIET_SECONDS
    stuck_seconds: float = STUCK_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._whole: Any = None
        """Scope of the last complete request."""
        self._held: Any = None
        """Application that starts when the next request is complete."""
        self._deadline: asyncio.TimerHandle | None = None
        """Timer that runs while a request arrives, but not while one is answered."""
        self._stuck: asyncio.TimerHandle | None = None
        self._raw = 0
        self._check_size = self._draining = self._rejected = False
        self._last_cycle: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.arrival_seconds, self._give_up)
        if getattr(self.server_state, "draining", False):
            self._drain()  # accepted before the listening socket was closed; its caller may send a request now

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._held = None
        for timer in (self._deadline, self._stuck, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        self._deadline = self._stuck = None

    def data_received(self, data: bytes) -> None:
        """Parse as uvicorn does; reject malformed, slow and large requests. A small read costs one additional comparison."""
        if self._rejected:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if len(data) > HEAD_BYTES:
            self._check_size = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_on(memoryview(data)[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._reject(explain(error))
        if self._rejected:
            return
        if self._deadline is not None:
            self._await_rest(len(data))
        elif self.scope is not self._whole or self.cycle.response_complete:
            self._raw = 0
            self._deadline = self.loop.call_later(self.arrival_seconds, self._give_up)
            self._await_rest(0)

    def _read_on(self, rest: memoryview) -> None:
        """Parse the bytes after the head of a request with `Upgrade`: its body, if it has one, and the next requests."""
        while True:
            try:
                if self.scope is not self._whole:
                    self.parser = continue_request(self, self.parser.get_http_version(), self.headers)
                if rest:
                    self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except httptools.HttpParserError as error:  # in the rest, or in framing headers that only the second parser reads
                self._reject(explain(error))
                return
            else:
                return

    def _await_rest(self, received: int) -> None:
        """Limit the size of a request that is not complete yet."""
        self._check_size = True
        self._raw += received
        if self._has_head():
            if self._raw > RAW_BYTES or self._examine_length() > BODY_BYTES:
                self._reject(BODY_TOO_LARGE)
        elif self._raw > 2 * HEAD_BYTES:
            self._reject(URL_TOO_LONG if self.scope and len(self.url) > HEAD_BYTES else HEADERS_TOO_LARGE)

    def _has_head(self) -> bool:
        """Return true when the head of the newest request is complete, which means that the request has a cycle."""
        return self.cycle is not None and self.cycle.scope is self.scope

    def on_headers_complete(self) -> None:
        if not (self._check_size or self.expect_100_continue or len(self.headers) > MAX_HEADERS):
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
            self._close_after_newest()

    def _examine_head(self) -> Rejection | None:
        if len(self.url) > HEAD_BYTES:
            return URL_TOO_LONG
        size = sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
        return HEADERS_TOO_LARGE if size > HEAD_BYTES or len(self.headers) > MAX_HEADERS else None

    def _examine_length(self) -> int:
        """Return the Content-Length, 0 when there is none; the parser rejects other values than numbers."""
        return next((int(value) for name, value in self.headers if name == b"content-length"), 0)

    def on_body(self, body: bytes) -> None:
        if len(self.cycle.body) + len(body) > BODY_BYTES:
            self._reject(BODY_TOO_LARGE)
            raise Stop
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and has_body(self.headers):
            return  # the body is not read yet
        super().on_message_complete()
        self._whole = self.scope
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if (app := self._held) is not None:
            self._held = None
            super()._start_asgi_task(self.cycle, app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start the application for this request now, or when the request is complete."""
        if cycle.more_body:
            self._held = app
        else:
            super()._start_asgi_task(cycle, app)

    def _give_up(self) -> None:
        self._deadline = None
        if self.scope is not self._whole:
            self._reject(TOO_SLOW)
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()  # it sent nothing or only empty lines, so there is no request to answer

    def _reject(self, rejection: Rejection) -> None:
        """Answer after the earlier requests, then close; ignore further bytes from the caller."""
        if self._rejected or self.transport.is_closing():
            return
        self._rejected = True
        self.transport.linger = True  # type: ignore[attr-defined]  # it is CoalescedWrites
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self.scope is self._whole:
            self.on_message_begin()  # not even a request line has begun
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
        """Drain this connection; uvicorn calls this when the process must end.

        An idle connection is closed at once when no other process takes over, so that the caller knows before its next request.
        """
        if getattr(self.server_state, "is_last", False) and self._is_idle():
            self.transport.close()
        else:
            self._drain()

    def _is_idle(self) -> bool:
        """Return true unless a request is arriving or being answered."""
        return self.scope is self._whole and (self.cycle is None or self.cycle.response_complete)

    def _drain(self) -> None:
        """Send `Connection: close` with the last pending answer from now on.

        An idle connection stays open for `quiet_seconds`, because its caller may be sending a request at this moment.
        """
        self._draining = self._check_size = True
        self.timeout_keep_alive = self.quiet_seconds  # type: ignore[assignment]
        if self.cycle is None or self.cycle.response_complete:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(self.quiet_seconds, self.timeout_keep_alive_handler)
        else:
            self._close_after_newest()

    def _close_after_newest(self) -> None:
        """Mark the newest pending answer as the last one of the connection, instead of the previous one."""
        if self._last_cycle is not None and not self._last_cycle.response_started:
            self._last_cycle.keep_alive = True
        last = self.cycle
        self._last_cycle = last if last.keep_alive and not last.response_started else None
        if self._last_cycle is not None:
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
