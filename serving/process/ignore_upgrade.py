"""HTTP/1.1 goes on after a request for another protocol, which is not spoken here: it is answered as if it had not asked.

httptools stops at the end of such a request's head, and takes its body for the other protocol's. Callers that ask with each
request (Java's HttpClient, curl --http2) would have it lost; read on from there, it would be taken for the next request.
"""

from typing import Any

import httptools

Headers = list[tuple[bytes, bytes]]


class Continuation:
    """What a second parser calls: nothing for the head, which the first one has read, and then the protocol."""

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
    """Whether a body follows; names are in lower case, and the parser has refused a length that is no number."""
    return any(name == b"transfer-encoding" or (name == b"content-length" and int(value) > 0) for name, value in headers)


def continue_request(protocol: Any, version: str, headers: Headers) -> httptools.HttpRequestParser:
    """A parser that awaits the body of a request with these headers, as if it had not asked for another protocol."""
    parser = httptools.HttpRequestParser(Continuation(protocol))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
    lines = [b"%b: %b\r\n" % line for line in headers if line[0] != b"upgrade"]
    parser.feed_data(b"POST / HTTP/%b\r\n%b\r\n" % (version.encode(), b"".join(lines)))
    return parser
