"""The engine's side: connections to its socket, and whether a container is a task of ours."""

import asyncio
import json
from typing import Any

from infra.docker_filter.errors import EngineAway, NoSuchContainer
from infra.docker_filter.policy import Call
from infra.docker_filter.settings import Settings

ENGINE_SECONDS = 30
"""A busy engine may take this long to describe a container, or to begin an upgraded stream."""


async def connect(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to the engine; the caller closes it."""
    try:
        return await asyncio.open_unix_connection(settings.docker_socket)
    except OSError as error:
        raise EngineAway(f"the Docker engine does not answer at {settings.docker_socket} ({error.strerror})") from None


def render(call: Call, container_id: str) -> bytes:
    """Write a call as HTTP, not one byte of it the client's own; the engine ends the connection after it."""
    connection = ("Connection: Upgrade, close", "Upgrade: tcp") if call.upgrade else ("Connection: close",)
    content_type = ("Content-Type: application/json",) if call.body else ()
    lines = (
        f"{call.method} {call.target(container_id)} HTTP/1.1",
        "Host: docker",
        "User-Agent: marquee-docker-filter",
        f"Content-Length: {len(call.body)}",
        *content_type,
        *connection,
    )
    return "\r\n".join((*lines, "", "")).encode("ascii") + call.body


async def find_task(container: str, settings: Settings) -> str:
    """Return the full id of a task's container; the client's text may be the beginning of it, or even another's name."""
    try:
        async with asyncio.timeout(ENGINE_SECONDS):
            status, described = await _inspect(container, settings)
    except TimeoutError:
        raise EngineAway(f"the Docker engine did not describe {container} within {ENGINE_SECONDS} seconds") from None
    if status == 200:
        labels = described["Config"]["Labels"] or {}
        if "marquee.task" in labels and labels.get("marquee.platform") == settings.marquee_platform:
            return str(described["Id"])
    elif status != 404:
        raise EngineAway(f"the Docker engine cannot describe {container}: it answers {status}")
    raise NoSuchContainer(f"No such container: {container}")


async def _inspect(container: str, settings: Settings) -> tuple[int, Any]:
    """Ask by HTTP/1.0, whose answers end with the connection and are never chunked."""
    reader, writer = await connect(settings)
    try:
        writer.write(f"GET /containers/{container}/json HTTP/1.0\r\nHost: docker\r\n\r\n".encode("ascii"))
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split(maxsplit=2)[1]), json.loads(body)
    except (ConnectionError, IndexError, ValueError):
        raise EngineAway(f"the Docker engine ended the connection while describing {container}") from None
    finally:
        writer.close()
