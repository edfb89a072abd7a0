"""The answers to rejected requests."""

import asyncio
import json
import logging
from asyncio import StreamReader, StreamWriter
from http import HTTPStatus

from infra.docker_filter.policy.errors import EngineAway, NoSuchContainer, Rejection
from infra.docker_filter.request import Request
from infra.docker_filter.streams import drop

LINGER_SECONDS = 2
"""Time that a rejected client may go on sending its body. Closing at once would make it lose the answer."""

log = logging.getLogger("docker_filter")


async def reject(rejection: Rejection, request: Request | None, client: StreamReader, to_client: StreamWriter) -> None:
    """Answer and log a rejection, then give the client time to read it. `request` is None if it was never read."""
    asked = f"{request.method} {request.target.partition('?')[0]:.200}" if request else "a request"
    log.warning("%d for %s: %s", rejection.status, asked, rejection, extra={"fields": rejection.fields})
    # Clients look for Docker's own messages, so these two errors keep them.
    message = (
        str(rejection) if isinstance(rejection, NoSuchContainer | EngineAway) else f"the filter rejects {asked}: {rejection}"
    )
    to_client.write(render_rejection(rejection, message))
    to_client.write_eof()
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await drop(client)
    except TimeoutError:
        log.info("closed the connection of a rejected client that went on sending")


def render_rejection(rejection: Rejection, message: str) -> bytes:
    """Return the rejection as an HTTP answer in the format of the engine's own errors."""
    body = json.dumps({"message": message}).encode() + b"\n"
    head = (
        f"HTTP/1.1 {rejection.status} {HTTPStatus(rejection.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
