"""Retries of one call: the error that causes another try, and the pause before it."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState

LONGEST_PAUSE_SECONDS = 60
"""The longest pause in seconds; a server that asks for a longer one is asked again after this one."""

Wait = Callable[[RetryCallState], float]


class FailedTry(Exception):
    """A call that failed, and may succeed at the next try."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        """Take the pause in seconds that the server asks for; None if it asks for none."""
        super().__init__(message)
        self.pause = pause


def wait_as_asked(otherwise: Wait) -> Wait:
    """Return a wait strategy for tenacity: the pause that the server asked for, capped, or the other strategy's."""

    def wait(state: RetryCallState) -> float:
        asked = find_asked_pause(state)
        return otherwise(state) if asked is None else asked

    return wait


def find_asked_pause(state: RetryCallState) -> float | None:
    """Return the seconds that the server asked to wait after this try, capped; None if it asked for nothing."""
    error = state.outcome.exception() if state.outcome else None
    pause = error.pause if isinstance(error, FailedTry) else None
    return None if pause is None else min(pause, LONGEST_PAUSE_SECONDS)


def read_retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or a date; None if it is absent or neither.

    Format: RFC 9110, 10.2.3.
    """
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # not a date, or a date without a zone
        return None
