"""A log writer that never blocks: a bounded queue and one thread; when the reader stalls, lines are dropped and counted."""

import threading
import time
from collections import deque
from typing import BinaryIO

MAX_LINES = 20_000
"""Maximum lines in the queue, about 8 MB; more lines are dropped and counted."""
PAUSE_SECONDS = 0.05
"""Pause between two writes, so that the lines of a thousand answers need few system calls."""
END_SECONDS = 2.0
"""Time that the end of the process waits for the queued lines."""


class LogWriter:
    """A writer of lines to a file, which may be a pipe without a reader or on a full disk. `add` is thread-safe."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.is_terminal = file.isatty()
        """True when the file is a terminal, where lines should be text instead of JSON."""
        self._lines: deque[bytes] = deque()
        self._work = threading.Event()
        self._writing = self._closed = False
        self.dropped = 0
        """Count of lines that were over the limit or could not be written."""
        threading.Thread(target=self._write_lines, name="log", daemon=True).start()

    def add(self, line: bytes) -> None:
        """Queue one line, which includes its line end."""
        if len(self._lines) >= MAX_LINES:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._work.is_set():
            self._work.set()

    def flush(self, seconds: float = END_SECONDS) -> bool:
        """Wait until all queued lines are written; return false when that takes longer."""
        until = time.monotonic() + seconds
        while self._lines or self._writing:
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE_SECONDS / 10)
        return True

    def close(self) -> None:
        """Write the queued lines within END_SECONDS, and end the thread."""
        self.flush()
        self._closed = True
        self._work.set()

    def _write_lines(self) -> None:
        while self._work.wait() and not self._closed:
            self._work.clear()  # a line that is added after this sets it again
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
