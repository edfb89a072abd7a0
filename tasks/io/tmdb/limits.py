"""The rate of requests to TMDB and the number of failures that one run tolerates, shared by all its threads."""

import threading
import time

from tasks.core.errors import TaskError, Unavailable

RETRIES_AT_START = 60
SUCCESSES_PER_RETRY = 10
"""Successful calls that give one retry back: a service that fails one call in ten is still asked, a worse one is not."""


class RateLimiter:
    """Spaces calls evenly at `rate` per second; a hold and the end apply to all threads.

    A library limiter has neither: a 429 must hold every thread, and an error in one thread must wake the others from it.
    """

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._lock = threading.Lock()
        self._next = time.monotonic()
        self._ended = threading.Event()
        self._reason: TaskError = Unavailable("the run ended before TMDB answered")

    def wait(self) -> None:
        """Return when it is this thread's turn; raise the reason of the end if the run has ended."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        self.pause(turn - now)

    def hold(self, seconds: float) -> None:
        """Stop every thread from starting a call for this time."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def pause(self, seconds: float) -> None:
        """Sleep; raise the reason of the end if the run ends meanwhile."""
        if self._ended.is_set() or (seconds > 0 and self._ended.wait(seconds)):
            raise self._reason

    def end(self, reason: TaskError | None = None) -> None:
        """End the run: wake every waiting thread and allow no more calls. The first reason is raised in all threads."""
        with self._lock:
            if not self._ended.is_set():
                self._reason = reason or self._reason
                self._ended.set()


class RetryBudget:
    """The retries of one run. An outage uses them up and ends the run soon; single failures do not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = RETRIES_AT_START * SUCCESSES_PER_RETRY

    def take(self, problem: str) -> None:
        """Use one retry; raise Unavailable if none is left."""
        with self._lock:
            if self._left < SUCCESSES_PER_RETRY:
                raise Unavailable(f"TMDB fails too often; the last time: {problem}. What was stored is kept; run again later")
            self._left -= SUCCESSES_PER_RETRY

    def restore(self) -> None:
        """Count one success."""
        with self._lock:
            self._left = min(RETRIES_AT_START * SUCCESSES_PER_RETRY, self._left + 1)
