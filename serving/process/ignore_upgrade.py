"""Ignores `Upgrade:` (h2c, websocket): such requests are served as plain HTTP/1.1.

httptools stops at the end of such a request's head, because the bytes after it belong to the other protocol. Clients that send
`Upgrade` with each request (Java's HttpClient, curl --http2) would lose their bodies; a second parser reads them.
"""

from typing import Any

import httptools

Headers = list[tuple[bytes, bytes]]


class Continuation:
    """The callbacks of the second parser: they skip the head, which the first parser has read, then call the protocol."""

    def __init__(self, protocol: Any) -> None:
        self._protocol, self._has_head = protocol, False
        self.on_body, self.on_message_complete = protocol.on_body, protocol.on_message_complete

    def on_message_begin(self) -> None:
        if self._has_head:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._has_head:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._has_head:
            self._protocol.on_headers_complete()
        self._has_head = True


def has_body(headers: Headers) -> bool:
    """Return true when a body follows. headers: names in lower case; the parser has checked that a length is a number."""
    return any(name == b"transfer-encoding" or (name == b"content-length" and int(value) > 0) for name, value in headers)


def continue_request(protocol: Any, version: str, headers: Headers) -> httptools.HttpRequestParser:
    """Return a parser that expects the body of a request with these headers, without their `Upgrade`."""
    parser = httptools.HttpRequestParser(Continuation(protocol))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as in uvicorn
    lines = [b"%b: %b\r\n" % line for line in headers if line[0] != b"upgrade"]
    parser.feed_data(b"POST / HTTP/%b\r\n%b\r\n" % (version.encode(), b"".join(lines)))
    return parser
