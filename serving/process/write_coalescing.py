"""uvicorn's HTTP protocol with one system call for all writes in one turn of the event loop.

uvicorn writes head and body separately, which costs an additional system call and packet for each answer.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER_SECONDS = 2


class CoalescingProtocol(HttpToolsProtocol):
    """The base class of `RejectingProtocol`; it wraps the transport in CoalescedWrites."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(CoalescedWrites(transport))


class CoalescedWrites(asyncio.Transport):
    """A transport that collects written data until the event loop's next turn and sends it in one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport, self._unsent = transport, list[bytes]()
        self._loop = asyncio.get_running_loop()
        self.linger = False
        """True when `close` must wait for the caller to read: closing a connection with unread input discards sent data."""
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def write(self, data: Any) -> None:
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        if self.linger and not self._transport.is_closing() and self._transport.can_write_eof():
            self.linger = False
            self.is_closing = lambda: True  # type: ignore[method-assign]
            self._transport.resume_reading()
            self._transport.write_eof()
            self._loop.call_later(LINGER_SECONDS, self._transport.close)
        else:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()
