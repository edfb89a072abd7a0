"""The end of the service: new connections are refused, idle ones end at once, requests that have begun are answered."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import psutil
import pytest

from tests.serving.conftest import CLOSED, World
from tests.serving.servers import Api, wait_until

pytestmark = pytest.mark.integration

REQUEST = b"GET /livez HTTP/1.1\r\nHost: api\r\n\r\n"
PATIENCE_SECONDS = 30
"""A test fails when a connection stays open and silent for this long."""


@pytest.fixture
def api(world: World, tmp_path: Path) -> Iterator[Api]:
    """A service with a model, not started yet."""
    server = Api(tmp_path / "api", world.valkey.url, CLOSED, world.cache)
    yield server
    server.stop()


def connect(api: Api) -> socket.socket:
    return socket.create_connection(("127.0.0.1", api.port), PATIENCE_SECONDS)


def is_refused(api: Api) -> bool:
    """Return true when nothing listens; raise when a connection is accepted and then neither answered nor ended."""
    try:
        with connect(api) as connection:
            connection.sendall(REQUEST)
            connection.recv(1)
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it waited to be accepted when the listening socket was closed; it was ended, and at once
        return False
    return False


def hold_idle_connections(api: Api, count: int) -> list[socket.socket]:
    """Open connections that have had an answer and stay open, as the pool of a proxy does, and one without a request."""
    idle = [connect(api) for _ in range(count)]
    for connection in idle:
        connection.sendall(REQUEST)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    return [*idle, connect(api)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_idle_connections_end_and_new_ones_are_refused(api: Api, workers: str) -> None:
    api.environment["API_WORKERS"] = workers
    api.start()
    wait_until(lambda: api.log.read_text().count("Application startup complete") == int(workers), 60, what="all workers")
    idle = hold_idle_connections(api, 10)
    os.kill(api.pid, SIGTERM)
    wait_until(lambda: is_refused(api), 60, what="the refusal of new connections")
    for connection in idle:
        received = connection.recv(65_536)
        while received:  # the rest of the answer, which may come in two pieces
            received = connection.recv(65_536)
        connection.close()
    wait_until(lambda: psutil.Process(api.pid).status() == psutil.STATUS_ZOMBIE, 60, what="the end")


def test_new_connections_are_refused_while_a_begun_request_is_still_answered(api: Api) -> None:
    api.start()
    idle, begun = hold_idle_connections(api, 3), connect(api)
    begun.sendall(REQUEST[:-2])
    assert api.get("/livez")[0] == 200  # the bytes sent before have arrived
    os.kill(api.pid, SIGTERM)
    for connection in idle:
        assert connection.recv(1) == b""
        connection.close()
    assert is_refused(api)
    begun.sendall(REQUEST[-2:])
    answer = begun.recv(65_536)
    begun.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
