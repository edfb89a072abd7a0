"""uvicorn's HTTP protocol with rejections, and an application that starts when a request is complete.

A slow request therefore occupies nothing but its connection. A rejected request still goes through the application, as
scope['rejection'], so that it is answered, counted and logged.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.access.rejections import Rejection, malformed
from serving.process.ignore_upgrade import has_body
from serving.process.write_coalescing import CoalescingProtocol


class Stop(httptools.HttpParserError):
    """Exception that ends the parsing after a rejected request."""


def explain(error: httptools.HttpParserError) -> Rejection:
    """Return the rejection for a parser error, with the parser's own fixed text."""
    if isinstance(error, httptools.HttpParserInvalidURLError):
        return malformed("its address must be ASCII; percent-encode other characters as UTF-8, such as %C3%A9 for \u00e9")
    return malformed(str(error))


class RejectingProtocol(CoalescingProtocol):
    """The base class of `LimitedProtocol`, which decides on rejections."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._whole: Any = None
        """Scope of the last complete request."""
        self._held: Any = None
        """Application that starts when the next request is complete."""
        self._deadline: asyncio.TimerHandle | None = None
        """Timer that runs while a request arrives, but not while one is answered; LimitedProtocol starts it."""
        self._rejected = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._held = None
        for timer in (self._deadline, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        self._deadline = None

    def _has_head(self) -> bool:
        """Return true when the head of the newest request is complete, which means that the request has a cycle."""
        return self.cycle is not None and self.cycle.scope is self.scope

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
