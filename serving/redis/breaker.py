"""Whether the store is worth asking, and what its failures mean: requests shall not wait for a deadline that will pass."""

import asyncio
from types import TracebackType

import hiredis

from serving.core.errors import CorruptRow, PredictionError, StoreUnavailable

FAILURES = 5
"""In a row, before requests stop asking; the poll of the live deployment goes on, and its first answer closes the breaker."""


class Breaker:
    """Counts failures in a row; no timer of its own."""

    def __init__(self) -> None:
        self._failures = 0

    def check(self) -> None:
        """Raises StoreUnavailable while it is open."""
        if self._failures >= FAILURES:
            raise StoreUnavailable("the feature store does not answer; it is asked again each second")

    def note_failure(self) -> None:
        self._failures += 1

    def note_answer(self) -> None:
        self._failures = 0


class Attempt:
    """Context of one piece of work with Redis: turns its failures into a PredictionError and counts it for the breaker."""

    def __init__(self, breaker: Breaker, seconds: float) -> None:
        self._breaker, self._seconds = breaker, seconds

    def due(self) -> float:
        """When work that begins now is due, in the loop's time."""
        return asyncio.get_running_loop().time() + self._seconds

    def __enter__(self) -> None:
        """Nothing is kept of one attempt, so that one object serves them all."""

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
    """What an error of Redis means for an answer."""
    code = str(error).split(" ", 1)[0]
    if code == "WRONGTYPE":
        return CorruptRow("the key of the row holds something else than a row")
    return StoreUnavailable(f"the feature store refuses to answer ({code})")
