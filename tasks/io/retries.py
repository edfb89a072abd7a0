"""Pauses between tries of one call: the one that the server asks for, or one of ours that grows."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


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
