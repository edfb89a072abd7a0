"""Calls of the tests: through docker-py, and as raw requests on a socket."""

import time
from collections.abc import Callable
from typing import Any

from tests.infra.docker_filter.fake_engine import TASK

PING = b"GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"


def create(client: Any, body: bytes) -> Any:
    answer = client.post(f"{client.base_url}/v1.41/containers/create", data=body)
    return client._result(answer, json=True)


def post(*headers: str, path: str = f"/containers/{TASK}/start") -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: a", *headers, "", "")).encode()


def attach(container: str) -> bytes:
    path = f"/v1.41/containers/{container}/attach?stream=1&stdout=1"
    return post("Connection: Upgrade", "Upgrade: tcp", "Content-Length: 0", path=path)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds: the filter counts a connection a moment after it was opened or closed."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
