"""Metrics of a child process, fetched by its parent through a socket pair, so that all processes show theirs on one port.

The parent sends one byte for each scrape and the child answers with one frame; at its end the child sends a frame of its own
accord, so that what it counted after the last scrape is not lost. A frame is its length, 4 bytes big-endian, and the text.
"""

import socket
import struct
import threading

from prometheus_client import CollectorRegistry, generate_latest

FETCH_SECONDS = 1.0
"""A scrape waits this long for one child; a child that hangs shows the counts of the scrape before."""
_LENGTH = struct.Struct(">I")


class MetricsPublisher:
    """The child's end: a thread that answers, since a scrape must not wait for requests, nor requests for a scrape."""

    def __init__(self, pipe: socket.socket, registry: CollectorRegistry) -> None:
        self._pipe, self._registry, self._lock = pipe, registry, threading.Lock()
        threading.Thread(target=self._answer, name="metrics", daemon=True).start()

    def push(self) -> None:
        """Send the metrics without being asked; the last call's counts are the final ones."""
        body = generate_latest(self._registry)
        try:
            with self._lock:
                self._pipe.sendall(_LENGTH.pack(len(body)) + body)
        except OSError:
            return  # the parent has ended, and its metrics with it

    def _answer(self) -> None:
        while True:
            try:
                if not self._pipe.recv(1):
                    return
            except OSError:
                return
            self.push()


class MetricsReader:
    """The parent's end. `text` is the newest text that the child sent."""

    def __init__(self, pipe: socket.socket) -> None:
        self.pipe = pipe
        self._received, self._is_asked = b"", False
        self.text = ""
        pipe.settimeout(FETCH_SECONDS)

    def fetch(self) -> bool:
        """Ask for the metrics; return false when the child does not answer in time or has ended."""
        try:
            if not self._is_asked:  # else a child that hung has yet to answer the scrape before
                self.pipe.sendall(b"?")
                self._is_asked = True
            while not self._take_frame():
                part = self.pipe.recv(1 << 16)
                if not part:
                    return False
                self._received += part
        except OSError:
            return False
        self._is_asked = False
        return True

    def close(self) -> None:
        """Read what an ended child has sent last, and close the pipe."""
        try:
            while part := self.pipe.recv(1 << 16):
                self._received += part
        except OSError:
            pass
        finally:
            self.pipe.close()
        while self._take_frame():
            continue

    def _take_frame(self) -> bool:
        if len(self._received) < _LENGTH.size:
            return False
        (length,) = _LENGTH.unpack_from(self._received)
        end = _LENGTH.size + length
        if len(self._received) < end:
            return False
        self.text, self._received = self._received[_LENGTH.size : end].decode(), self._received[end:]
        return True
