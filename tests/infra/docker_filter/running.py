"""The filter as a process of its own, in front of an engine's socket, on a free port of loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import APIClient

from infra.platform.ports import find_free_ports
from tests.log_shape import check_line

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Filter:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def read_log(self, position: int = 0) -> list[dict[str, Any]]:
        """Return the log lines from a position on; each must have the shape of the platform's log lines."""
        return [check_line(line) for line in self.log.read_bytes()[position:].decode().splitlines()]

    def client(self) -> Any:
        """Return docker-py's own client; untyped, since tests reach into it."""
        return APIClient(f"tcp://127.0.0.1:{self.port}", timeout=10)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def send(self, request: bytes) -> bytes:
        """Return all that comes back until the filter closes."""
        with self.connect() as client:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))


@contextmanager
def run_filter(engine: Path, folder: Path, **variables: str) -> Iterator[Filter]:
    """Yield the filter once it listens; afterwards its process is gone."""
    port = int(variables.get("FILTER_PORT", 0)) or find_free_ports(1)[0]
    settings = {
        "DOCKER_SOCKET": str(engine),
        "FILTER_PORT": str(port),
        "TASKS_IMAGE": "marquee/tasks:1",
        "TASKS_NETWORK": "marquee_tasks",
        "MARQUEE_PLATFORM": "marquee",
        **variables,
    }
    log = folder / "filter.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "infra.docker_filter"]
        process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=REPOSITORY, stdout=output, stderr=output)
    running = Filter(process, port, log)
    try:
        _wait(running)
        yield running
    finally:
        process.kill()
        process.wait()


def _wait(running: Filter) -> None:
    deadline = time.monotonic() + 30
    while b"listening on" not in running.log.read_bytes():
        if running.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the filter does not listen: {running.log.read_text()}")
        time.sleep(0.05)
