"""A small engine on a unix socket: it answers as Docker does, and records every byte that it gets."""

import json
import re
import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TASK, FOREIGN, OTHER_PLATFORM, BROKEN, STOPPED, NO_TASK = (digit * 64 for digit in "abcdef")
LABELS: dict[str, dict[str, str] | None] = {
    TASK: {
        "marquee.task": "ingest_imdb",
        "marquee.platform": "marquee",
        "marquee.dag": "refresh_movies",
        "marquee.run": "manual__1",
        "marquee.try": "2",
    },
    STOPPED: {"marquee.task": "ingest_imdb", "marquee.platform": "marquee"},
    OTHER_PLATFORM: {"marquee.task": "ingest_imdb", "marquee.platform": "other"},
    NO_TASK: {"marquee.platform": "marquee"},
    FOREIGN: None,
}
"""BROKEN is a container on which the engine dies."""


@dataclass(frozen=True)
class Seen:
    """One request, as it arrived."""

    method: str
    target: str
    headers: tuple[str, ...]
    body: bytes
    version: str


@dataclass
class FakeEngine:
    seen: list[Seen] = field(default_factory=list)
    stray: bytes = b""
    """Bytes that came after a request, on a connection that was not upgraded."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when the other side of a waiting call, or of a stream, has closed."""
    asked: threading.Event = field(default_factory=threading.Event)
    """Set when a call that waits, or a stream, has begun."""

    tasks: list[dict[str, Any]] = field(default_factory=list)
    """The containers that the engine lists."""
    connections: set[threading.Thread] = field(default_factory=set)
    """One thread each, open or ended."""

    def settle(self) -> None:
        """Wait until all that was sent has been read: each connection to the end."""
        for connection in list(self.connections):
            connection.join(10)

    def forget(self) -> None:
        self.seen.clear()
        self.stray = b""
        self.tasks.clear()
        self.connections.clear()
        self.left.clear()
        self.asked.clear()

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.target}" for request in self.seen]


@contextmanager
def run_engine(path: Path) -> Iterator[FakeEngine]:
    """Yield an engine that listens at `path`; afterwards no thread is left."""
    engine = FakeEngine()

    class Connection(_Connection):
        fake = engine

    with socketserver.ThreadingUnixStreamServer(str(path), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="engine")
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()


class _Connection(socketserver.StreamRequestHandler):
    fake: FakeEngine

    def handle(self) -> None:
        self.fake.connections.add(threading.current_thread())
        request = self.read()
        self.fake.seen.append(request)
        named = re.search(r"/containers/([0-9a-f]{12,})", request.target)
        container = named and next((known for known in [*LABELS, BROKEN] if known.startswith(named[1])), named[1])
        if container == BROKEN:
            return
        if request.version == "HTTP/1.0" and "/containers/json" in request.target:
            self.answer_at_once(200, self.fake.tasks)
        elif request.target.endswith("/json") and container:
            self.inspect(container)
        elif "/attach" in request.target and container == TASK:
            self.stream()
        elif "/wait" in request.target:
            self.fake.asked.set()
            self.after_the_request()
            self.fake.left.set()
        else:
            closing = any(line.startswith("Connection: ") and line.endswith("close") for line in request.headers)
            self.answer(*self.simple(request, container), "Connection: close" if closing else "Connection: keep-alive")
            if closing:  # else it goes on reading requests, as Go does
                self.connection.shutdown(socket.SHUT_WR)
            self.after_the_request()

    def read(self) -> Seen:
        first, *headers = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), "")
        method, target, version = first.split()
        length = next((int(line.split(":")[1]) for line in headers if line.startswith("Content-Length:")), 0)
        return Seen(method, target, tuple(headers), self.rfile.read(length), version)

    def inspect(self, container: str) -> None:
        found = container in LABELS
        described = {"Id": container, "Config": {"Tty": False, "Labels": LABELS.get(container)}, "State": {"ExitCode": 0}}
        self.answer_at_once(200 if found else 404, described if found else {"message": f"No such container: {container}"})

    def answer_at_once(self, status: int, value: Any) -> None:
        """Answer as Go does to HTTP/1.0: no length, the connection's end is the answer's."""
        self.wfile.write(f"HTTP/1.0 {status} x\r\n\r\n{json.dumps(value)}".encode())

    def simple(self, request: Seen, container: str | None) -> tuple[int, Any]:
        if "/attach" in request.target:
            return 409, {"message": f"container {container} is not running"}
        path = request.target.partition("?")[0].removeprefix("/v1.41")
        known = {
            "/version": {"ApiVersion": "1.41"},
            "/images/json": [{}],
            "/containers/json": [{"Id": TASK}],
            "/containers/create": {"Id": TASK},
        }
        return (200, "OK") if path == "/_ping" else (200, known[path]) if path in known else (204, None)

    def answer(self, status: int, value: Any, connection: str) -> None:
        body = b"" if value is None else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        head = (f"HTTP/1.1 {status} x", connection, "Content-Type: application/json", f"Content-Length: {len(body)}", "", "")
        self.wfile.write("\r\n".join(head).encode() + body)

    def after_the_request(self) -> None:
        self.fake.stray += self.rfile.read()

    def stream(self) -> None:
        """Upgrade; then send back in capitals what comes, and a last word when the other side has said its own."""
        self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        self.fake.asked.set()
        while chunk := self.connection.recv(65536):
            if chunk == b"be silent":
                self.wait_for_the_end()
                return
            self.wfile.write(frame(chunk.upper()))
            if chunk == b"end":
                return
        self.wfile.write(frame(b"bye"))

    def wait_for_the_end(self) -> None:
        """Wait until the other side has closed both ways, which needs no writing to be seen."""
        poll = select.poll()
        poll.register(self.connection, 0)
        if poll.poll(20_000):
            self.fake.left.set()


def frame(text: bytes) -> bytes:
    """One piece of a container's output: 1 for stdout, its length, its bytes."""
    return struct.pack(">BxxxL", 1, len(text)) + text
