"""How fast TMDB may be asked, and how much failure is borne, over all threads of one run."""

import threading
import time

from tasks.core.errors import Unavailable

RETRIES_AT_START = 60
RETRIES_A_SUCCESS = 0.1
"""A service that fails one call in ten is still worth asking; one that fails more is left for a later run."""


class Pace:
    """Spaces calls evenly at `rate` a second; a hold, as when TMDB says 429, stops all threads."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._lock = threading.Lock()
        self._next = time.monotonic()
        self._closing = threading.Event()

    def wait(self) -> None:
        """Return when it is this thread's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self.pause(turn - now)

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def pause(self, seconds: float) -> None:
        """Sleep, though not beyond close()."""
        if self._closing.wait(seconds):
            raise Unavailable("the run ended before TMDB answered")

    def close(self) -> None:
        """Wake every thread that waits; nothing is asked any more."""
        self._closing.set()


class Patience:
    """A budget of retries for the whole run, so that an outage ends it soon while single failures do not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = float(RETRIES_AT_START)

    def take(self, problem: str) -> None:
        with self._lock:
            if self._left < 1:
                raise Unavailable(f"TMDB fails too often; the last time: {problem}. What was stored is kept; run again later")
            self._left -= 1

    def restore(self) -> None:
        with self._lock:
            self._left = min(RETRIES_AT_START, self._left + RETRIES_A_SUCCESS)
