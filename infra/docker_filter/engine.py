"""Connections to the engine's socket, and the filter's own requests to the engine."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from infra.docker_filter.policy.calls import Call
from infra.docker_filter.policy.errors import EngineAway, NoSuchContainer, TooMany
from infra.docker_filter.policy.filters import task_labels
from infra.docker_filter.policy.settings import Settings
from infra.docker_filter.policy.task_container import MEMORY_LABEL

ENGINE_SECONDS = 30
"""Deadline for the engine to answer the filter, or to begin an upgraded stream."""


@dataclass(frozen=True)
class Task:
    """A container that runs a task of this platform."""

    container_id: str
    labels: dict[str, str]

    def fields(self) -> dict[str, str | int]:
        """Return the log fields that name the attempt."""
        names = {"dag_id": "marquee.dag", "run_id": "marquee.run", "task_id": "marquee.task"}
        fields: dict[str, str | int] = {field: self.labels[label] for field, label in names.items() if self.labels.get(label)}
        attempt = self.labels.get("marquee.try", "")
        return {**fields, "try": int(attempt)} if attempt.isdecimal() else fields


async def connect(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to the engine; the caller closes it."""
    try:
        return await asyncio.open_unix_connection(settings.docker_socket)
    except OSError as error:
        raise EngineAway(f"the Docker engine does not answer at {settings.docker_socket} ({error.strerror})") from None


def render(call: Call, container_id: str) -> bytes:
    """Return a call as an HTTP request. It copies no byte from the client and asks the engine to close the connection."""
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


async def fetch_task(container: str, settings: Settings) -> Task:
    """Return the task that runs in a container; `container` is its id or the beginning of its id.

    Raise NoSuchContainer if the container does not exist or is not a task of this platform.
    """
    status, described = await _get(f"/containers/{container}/json", f"describe {container}", settings)
    if status == 200:
        labels = described["Config"]["Labels"] or {}
        if "marquee.task" in labels and labels.get("marquee.platform") == settings.marquee_platform:
            return Task(str(described["Id"]), labels)
    elif status != 404:
        raise EngineAway(f"the Docker engine cannot describe {container}: it answers {status}")
    raise NoSuchContainer(f"No such container: {container}")


async def check_room(memory: int, settings: Settings) -> None:
    """Raise TooMany if one more container with this memory limit, in bytes, would exceed the settings.

    All containers of this platform's tasks count, running or not. The caller must let no other container be created meanwhile.
    """
    query = urlencode({"all": "1", "filters": json.dumps({"label": task_labels(settings)})})
    status, containers = await _get(f"/containers/json?{query}", "list the tasks", settings)
    if status != 200:
        raise EngineAway(f"the Docker engine cannot list the tasks: it answers {status}")
    if len(containers) >= settings.tasks_max:
        raise TooMany(f"{len(containers)} containers of tasks exist already; TASKS_MAX is {settings.tasks_max}")
    # A container without the label was created before the limit existed; assume the most that one task may have.
    taken = sum(int(container["Labels"].get(MEMORY_LABEL, settings.task_memory_max)) for container in containers)
    if taken + memory > settings.tasks_memory_max:
        raise TooMany(
            f"the {len(containers)} containers of tasks have {taken} bytes of memory already, and this one asks for {memory};"
            f" TASKS_MEMORY_MAX is {settings.tasks_memory_max}"
        )


async def _get(target: str, purpose: str, settings: Settings) -> tuple[int, Any]:
    """Send a GET and return its status and parsed body. Answers to HTTP/1.0 are never chunked: they end with the connection."""
    try:
        async with asyncio.timeout(ENGINE_SECONDS):
            reader, writer = await connect(settings)
            try:
                writer.write(f"GET {target} HTTP/1.0\r\nHost: docker\r\n\r\n".encode("ascii"))
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
                return int(head.split(maxsplit=2)[1]), json.loads(body)
            finally:
                writer.close()
    except TimeoutError:
        raise EngineAway(f"the Docker engine did not {purpose} within {ENGINE_SECONDS} seconds") from None
    except (ConnectionError, IndexError, ValueError):
        raise EngineAway(f"the Docker engine ended the connection when asked to {purpose}") from None
