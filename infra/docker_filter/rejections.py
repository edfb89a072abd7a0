"""The answers to rejected requests."""

import asyncio
import json
import logging
from asyncio import StreamReader, StreamWriter
from http import HTTPStatus

from infra.docker_filter.errors import EngineAway, NoSuchContainer, Rejection
from infra.docker_filter.request import Request
from infra.docker_filter.streams import drop

LINGER_SECONDS = 2
"""Time that a rejected client may go on sending its body: if its connection were closed at once, it would lose the answer."""

log = logging.getLogger("docker_filter")


async def reject(rejection: Rejection, request: Request | None, client: StreamReader, to_client: StreamWriter) -> None:
    """Answer and log a rejection, and wait a moment for the client to have read it. `request` is None if it was not read."""
    asked = f"{request.method} {request.target.partition('?')[0]:.200}" if request else "a request"
    log.warning("%d for %s: %s", rejection.status, asked, rejection, extra={"fields": rejection.fields})
    # For Docker's own cases the message is Docker's, because clients look for it.
    message = (
        str(rejection) if isinstance(rejection, NoSuchContainer | EngineAway) else f"the filter rejects {asked}: {rejection}"
    )
    to_client.write(render_rejection(rejection, message))
    to_client.write_eof()
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await drop(client)
    except TimeoutError:
        log.info("a rejected client went on sending, and was cut off")


def render_rejection(rejection: Rejection, message: str) -> bytes:
    """Return the rejection as an HTTP answer, in the form of the engine's own errors."""
    body = json.dumps({"message": message}).encode() + b"\n"
    head = (
        f"HTTP/1.1 {rejection.status} {HTTPStatus(rejection.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
