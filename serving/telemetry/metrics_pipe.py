"""The pipe through which a parent fetches the metrics of a child process, so that one port serves those of all processes.

The parent sends one byte for each scrape, and the child answers with one frame. Before it ends, the child sends a final frame
without a request, so that counts after the last scrape are not lost. A frame is its length, 4 bytes big-endian, and the text.
"""

import socket
import struct
import threading

from prometheus_client import CollectorRegistry, generate_latest

FETCH_SECONDS = 1.0
"""Time that a scrape waits for one child; for a child that hangs, the counts of the previous scrape are used."""
_LENGTH = struct.Struct(">I")


class MetricsPublisher:
    """The child's end of the pipe: a thread, so that scrapes and requests do not wait for each other."""

    def __init__(self, pipe: socket.socket, registry: CollectorRegistry) -> None:
        self._pipe, self._registry, self._lock = pipe, registry, threading.Lock()
        threading.Thread(target=self._answer, name="metrics", daemon=True).start()

    def push(self) -> None:
        """Send the metrics now; the parent keeps those of the last call."""
        body = generate_latest(self._registry)
        try:
            with self._lock:
                self._pipe.sendall(_LENGTH.pack(len(body)) + body)
        except OSError:
            return  # the parent has ended, so its metrics are no longer needed

    def _answer(self) -> None:
        while True:
            try:
                if not self._pipe.recv(1):
                    return
            except OSError:
                return
            self.push()


class MetricsReader:
    """The parent's end of the pipe. `text` is the newest text from the child."""

    def __init__(self, pipe: socket.socket) -> None:
        self.pipe = pipe
        self._received, self._is_asked = b"", False
        self.text = ""
        pipe.settimeout(FETCH_SECONDS)

    def fetch(self) -> bool:
        """Request the metrics; return false when the child does not answer in time or has ended."""
        try:
            if not self._is_asked:  # else the child has not answered the previous scrape yet
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
        """Read the last frames of a child that has ended, and close the pipe."""
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
