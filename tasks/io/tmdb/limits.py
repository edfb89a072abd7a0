"""How fast TMDB may be asked, and how much failure is borne, over all threads of one run."""

import threading
import time

from tasks.core.errors import TaskError, Unavailable

RETRIES_AT_START = 60
SUCCESSES_A_RETRY = 10
"""A service that fails one call in ten is still worth asking; one that fails more is left for a later run."""


class RateLimiter:
    """Spaces calls evenly at `rate` a second; a hold, as when TMDB says 429, is for all threads, and so is the end."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._lock = threading.Lock()
        self._next = time.monotonic()
        self._ended = threading.Event()
        self._why: TaskError = Unavailable("the run ended before TMDB answered")

    def wait(self) -> None:
        """Return when it is this thread's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        self.pause(turn - now)

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def pause(self, seconds: float) -> None:
        """Sleep, though not beyond the end."""
        if self._ended.is_set() or (seconds > 0 and self._ended.wait(seconds)):
            raise self._why

    def end(self, why: TaskError | None = None) -> None:
        """Wake every thread that waits: nothing is asked any more, and the first reason given is everyone's."""
        with self._lock:
            if not self._ended.is_set():
                self._why = why or self._why
                self._ended.set()


class RetryBudget:
    """A budget of retries for the whole run, so that an outage ends it soon while single failures do not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = RETRIES_AT_START * SUCCESSES_A_RETRY

    def take(self, problem: str) -> None:
        with self._lock:
            if self._left < SUCCESSES_A_RETRY:
                raise Unavailable(f"TMDB fails too often; the last time: {problem}. What was stored is kept; run again later")
            self._left -= SUCCESSES_A_RETRY

    def restore(self) -> None:
        with self._lock:
            self._left = min(RETRIES_AT_START * SUCCESSES_A_RETRY, self._left + 1)
