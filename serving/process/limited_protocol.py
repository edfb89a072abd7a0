"""The limits on the requests of one connection: size, time to arrive, and time to read the answers.

A request that is too large or too slow is answered and its connection is closed. README.md lists the limits that a proxy could
set instead.
"""

import asyncio
from typing import Any

import httptools

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
)
from serving.process.ignore_upgrade import continue_request
from serving.process.rejecting_protocol import RejectingProtocol, Stop, explain

STUCK_SECONDS = 10
"""Time after which the connection of a caller that does not read its answers is closed."""
RAW_BYTES = 1024 * 1024
"""Limit of one request with its framing, because a small body can have very many chunks or endless trailers."""


class LimitedProtocol(RejectingProtocol):
    """The base class of `ApiProtocol`, which adds the drain."""

    arrival_seconds: float = ARRIVAL_SECONDS
    stuck_seconds: float = STUCK_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._stuck: asyncio.TimerHandle | None = None
        self._raw = 0
        self._check_size = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.arrival_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

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
        self._note_head()

    def _note_head(self) -> None:
        """Take note of a complete head, if heads are examined; ApiProtocol does so in a drain."""

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

    def _give_up(self) -> None:
        self._deadline = None
        if self.scope is not self._whole:
            self._reject(TOO_SLOW)
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()  # it sent nothing or only empty lines, so there is no request to answer

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self.stuck_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
