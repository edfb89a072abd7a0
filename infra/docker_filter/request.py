"""A strict reader of a connection's one request: complete, in time, of limited size and unambiguous."""

import asyncio
import re
from dataclasses import dataclass

import h11

from infra.docker_filter.limits import RequestBytes
from infra.docker_filter.policy.errors import Malformed, TooLarge, TooSlow

REQUEST_SECONDS = 10
"""Time from the connection to the last byte of the body."""
HEAD_MAX = 16 * 1024
"""Bytes of request line and headers."""
BODY_MAX = 64 * 1024
"""Bytes of a body."""
AMBIGUOUS_LINE = re.compile(rb"\n[ \t]|(?<!\r)\n")
"""A folded header, or a line that ends with a bare LF. Servers interpret both differently."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    body: bytes
    upgrade: bool
    """True if the client sent `Upgrade: tcp`."""
    early: bytes
    """Bytes after the body. They begin an upgraded stream; for any other request they are dropped."""


async def read_request(reader: asyncio.StreamReader, share: RequestBytes) -> Request | None:
    """Return the request, or None if the client left without sending one. Raise Rejection unless it is complete and valid.

    share: counts the bytes of this request against the budget of all requests; the caller releases it.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX)
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            head = await _read_head(connection, reader, share)
            if head is None:
                return None
            body = await _read_body(connection, reader, share)
    except TimeoutError:
        raise TooSlow(f"the request was not complete within {REQUEST_SECONDS} seconds") from None
    except h11.RemoteProtocolError:  # its text quotes the client's bytes
        raise Malformed("the request is not well-formed HTTP/1.1") from None
    upgrade = _values(head, b"upgrade") == {b"tcp"} and b"upgrade" in _values(head, b"connection")
    return Request(head.method.decode(), head.target.decode(), body, upgrade, early=connection.trailing_data[0])


async def _read_head(connection: h11.Connection, reader: asyncio.StreamReader, share: RequestBytes) -> h11.Request | None:
    received = b""
    while (event := connection.next_event()) is h11.NEED_DATA:
        if len(received) == HEAD_MAX:
            raise TooLarge(f"the request's head is larger than {HEAD_MAX} bytes")
        chunk = await reader.read(HEAD_MAX - len(received))
        share.take(len(chunk))
        received += chunk
        connection.receive_data(chunk)
    if not isinstance(event, h11.Request):
        return None
    lines = received[: len(received) - len(connection.trailing_data[0])]
    if AMBIGUOUS_LINE.search(lines):
        raise Malformed("the request's head has a folded line, or one that does not end with CR LF")
    if event.http_version != b"1.1":
        raise Malformed("the request is not HTTP/1.1")
    if _values(event, b"content-length") and _values(event, b"transfer-encoding"):
        raise Malformed("the request has both a Content-Length and a Transfer-Encoding")
    return event


async def _read_body(connection: h11.Connection, reader: asyncio.StreamReader, share: RequestBytes) -> bytes:
    body = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            chunk = await reader.read(HEAD_MAX)
            share.take(len(chunk))
            connection.receive_data(chunk)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY_MAX:
                raise TooLarge(f"the request's body is larger than {BODY_MAX} bytes")
    return body


def _values(head: h11.Request, name: bytes) -> set[bytes]:
    return {value.strip().lower() for key, line in head.headers if key == name for value in line.split(b",")}
