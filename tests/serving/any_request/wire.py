"""A strict HTTP/1.1 client on a bare socket: it fails on faults that a lenient client would accept."""

import re
import socket
from dataclasses import dataclass

SECONDS = 10
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [\w' -]*\Z")
_HEADER = re.compile(rb"([a-z0-9-]+): ([\x20-\x7e\x80-\xff]*)\Z")


class Gone(Exception):
    """Error for a connection that the other end closed while an answer was still due."""


@dataclass(frozen=True)
class Answer:
    """One answer; header names are in lower case, each given once."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Wire:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self, data: bytes) -> None:
        """Raises Gone."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone(repr(error)) from error

    def read(self, method: str) -> Answer:
        """The next answer that is not an interim one; raises Gone."""
        while True:
            head = self._take_until(b"\r\n\r\n")
            first, *lines = head.split(b"\r\n")
            status_line = _HEAD.match(first)
            assert status_line is not None, first
            status, headers = int(status_line[1]), dict[str, str]()
            for line in lines:
                header = _HEADER.match(line)
                assert header is not None, line
                name, value = header[1].decode(), header[2].decode("latin-1")
                assert name not in headers, f"{name} is given twice"
                headers[name] = value
            if status == 100:
                assert not headers
                continue
            assert "transfer-encoding" not in headers
            return Answer(status, headers, b"" if method == "HEAD" else self._take(int(headers["content-length"])))

    def read_rest(self) -> bytes:
        """Return the bytes until the other end closes the connection. Raise Gone if the connection is cut."""
        while self._fill():
            pass
        rest, self._unread = self._unread, b""
        return rest

    def peek(self, seconds: float) -> bytes | None:
        """Return the next bytes without removing them: empty at the end, None if nothing arrives within this time."""
        if self._unread:
            return self._unread
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1 << 16, socket.MSG_PEEK)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return b""
        finally:
            self._socket.settimeout(SECONDS)

    def close(self) -> None:
        self._socket.close()

    def _take_until(self, mark: bytes) -> bytes:
        while (at := self._unread.find(mark)) < 0:
            self._fill_or_fail()
        taken, self._unread = self._unread[:at], self._unread[at + len(mark) :]
        return taken

    def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._fill_or_fail()
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def _fill_or_fail(self) -> None:
        if not self._fill():
            assert not self._unread, f"half an answer: {self._unread[:200]!r}"
            raise Gone("closed")

    def _fill(self) -> bool:
        try:
            part = self._socket.recv(1 << 16)
        except ConnectionResetError as error:
            raise Gone(repr(error)) from error
        self._unread += part
        return bool(part)
