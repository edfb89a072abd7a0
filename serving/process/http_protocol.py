"""The HTTP protocol of the API: uvicorn's, with limits on requests and a drain that fails no request.

During a drain, callers receive `Connection: close` before their connection ends.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from serving.process.limited_protocol import LimitedProtocol

QUIET_SECONDS = 5
"""Time in which an idle connection may send one more request after the drain begins."""


class ApiProtocol(LimitedProtocol):
    """The protocol class for uvicorn's configuration; its `server_state` is a `serving.process.server.State`."""

    quiet_seconds: float = QUIET_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._draining = False
        self._last_cycle: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if getattr(self.server_state, "draining", False):
            self._drain()  # accepted before the listening socket was closed; its caller may send a request now

    def _note_head(self) -> None:
        if self._draining:
            self._close_after_newest()

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
