"""A file server on loopback that misbehaves as told, one fault a request, and then serves properly."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

NO_FAULT: tuple[str, Any] = ("", None)


@dataclass
class FileServer:
    """Serves `content` at every path. Each fault in `faults` is taken by one request: see Handler."""

    content: bytes
    etag: str | None = '"v1"'
    last_modified: str | None = "Sun, 22 Nov 2026 02:50:48 GMT"
    ranges: bool = True
    declare_length: bool = True
    seconds_a_byte: float = 0
    faults: list[tuple[str, Any]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""

    @property
    def url(self) -> str:
        return f"{self.base_url}/title.basics.tsv.gz"

    def version(self, path: str) -> tuple[bytes, str | None]:
        """The content and ETag now served at a path."""
        del path
        return self.content, self.etag


@dataclass
class FolderServer(FileServer):
    """Serves `files` by name, each under its hash as ETag."""

    content: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)

    def version(self, path: str) -> tuple[bytes, str | None]:
        content = self.files[path.rpartition("/")[2]]
        digest = hashlib.sha256(content + str(self.etag).encode()).hexdigest()
        return content, f'"{digest}"'


class Handler(BaseHTTPRequestHandler):
    """Faults: ("status", (code, headers)), ("cut", bytes sent), ("swap", (content, etag)), ("unlike", Content-Range)."""

    protocol_version = "HTTP/1.1"
    state: FileServer

    def do_GET(self) -> None:
        state = self.state
        state.requests.append(dict(self.headers.items()))
        fault, detail = state.faults.pop(0) if state.faults else NO_FAULT
        if fault == "status":
            return self.answer(detail[0], {"Content-Length": "0"} | detail[1], b"")
        if fault == "swap":
            state.content, state.etag = detail
        content, etag = state.version(self.path)
        headers = {"ETag": etag, "Last-Modified": state.last_modified}
        if etag is not None and self.headers.get("If-None-Match") == etag:
            return self.answer(304, headers, b"")
        if self.headers.get("If-Modified-Since") == state.last_modified and state.last_modified:
            return self.answer(304, headers, b"")
        start, status = 0, 200
        wanted = self.headers.get("Range", "")
        if state.ranges and wanted and self.headers.get("If-Range") in (None, etag, state.last_modified):
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if fault == "unlike":
            headers["Content-Range"] = detail
        body = content[start:]
        if state.declare_length:
            headers["Content-Length"] = str(len(body))
        return self.answer(status, headers, body[:detail] if fault == "cut" else body)

    def answer(self, status: int, headers: dict[str, str | None], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.state.seconds_a_byte:
            for byte in body:
                time.sleep(self.state.seconds_a_byte)
                self.wfile.write(bytes([byte]))
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


S = TypeVar("S", bound=FileServer)


@contextmanager
def serve(state: S) -> Iterator[S]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    state.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
