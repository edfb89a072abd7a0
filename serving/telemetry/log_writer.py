"""Lines on their way to a file that may be a pipe which nobody reads, or on a full disk: no answer waits for it."""

import threading
import time
from collections import deque
from typing import BinaryIO

LIMIT = 20_000
"""Lines that wait, about 6 MB; further ones are dropped and counted."""
PAUSE_SECONDS = 0.05
"""Between two writes, so that what is logged of a thousand answers is few writes."""
END_SECONDS = 2.0
"""At the end of the process so long is tried to write what waits."""


class LogWriter:
    """`add` is for any thread and never waits; a thread of its own writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: deque[bytes] = deque()
        self._work = threading.Event()
        self._writing = self._closed = False
        self.dropped = 0
        """Lines that were too many, or that the file did not take."""
        threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def add(self, line: bytes) -> None:
        """Note one line, its end included."""
        if len(self._lines) >= LIMIT:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._work.is_set():
            self._work.set()

    def flush(self, seconds: float = END_SECONDS) -> bool:
        """Wait until what was noted is written; whether it is."""
        until = time.monotonic() + seconds
        while self._lines or self._writing:
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE_SECONDS / 10)
        return True

    def close(self) -> None:
        """Write what was noted, if the file takes it in time, and end."""
        self.flush()
        self._closed = True
        self._work.set()

    def _write_on(self) -> None:
        while self._work.wait() and not self._closed:
            self._work.clear()  # a line that is noted from here on sets it again
            self._write()
            time.sleep(PAUSE_SECONDS)

    def _write(self) -> None:
        self._writing = True
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
        except (OSError, ValueError):  # ValueError: the file was closed
            self.dropped += len(lines)
        self._writing = False
