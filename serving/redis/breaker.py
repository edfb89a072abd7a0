"""A circuit breaker for Redis, so that requests do not wait while it is down; turns its failures into PredictionErrors."""

import asyncio
from types import TracebackType

import hiredis

from serving.core.errors import CorruptRow, PredictionError, StoreUnavailable

FAILURES = 5
"""Consecutive failures that open the breaker. The poll of the live deployment continues; its first success closes the breaker."""


class Breaker:
    """The breaker; it counts consecutive failures and has no timer."""

    def __init__(self) -> None:
        self._failures = 0

    def check(self) -> None:
        """Raise StoreUnavailable while the breaker is open."""
        if self._failures >= FAILURES:
            raise StoreUnavailable("the feature store does not answer; it is tried again each second")

    def note_failure(self) -> None:
        self._failures += 1

    def note_answer(self) -> None:
        self._failures = 0


class Attempt:
    """A context for reads from Redis: raises their failures as a PredictionError and reports the result to the breaker."""

    def __init__(self, breaker: Breaker, seconds: float) -> None:
        self._breaker, self._seconds = breaker, seconds

    def due(self) -> float:
        """Return the deadline of work that begins now, in the loop's time."""
        return asyncio.get_running_loop().time() + self._seconds

    def __enter__(self) -> None:
        """Do nothing: an attempt has no state, so one object serves all reads."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or isinstance(error, PredictionError):
            self._breaker.note_answer()
        elif isinstance(error, TimeoutError):
            self._breaker.note_failure()
            raise StoreUnavailable(f"the feature store does not answer within {self._seconds:g} s") from None
        elif isinstance(error, hiredis.ReplyError):
            self._breaker.note_failure()
            raise explain(error) from error
        elif isinstance(error, (hiredis.HiredisError, OSError)):
            self._breaker.note_failure()
            raise StoreUnavailable(f"the feature store is unreachable ({type(error).__name__})") from error


def explain(error: hiredis.ReplyError) -> PredictionError:
    """Return the PredictionError for an error reply of Redis."""
    code = str(error).split(" ", 1)[0]
    if code == "WRONGTYPE":
        return CorruptRow("the key of the row does not hold a row")
    return StoreUnavailable(f"the feature store rejects the command ({code})")
