"""Timestamps for a source whose day differs from the clock's: the sample's world stands still or runs ahead."""

from datetime import UTC, date, datetime, time, timedelta

LATEST = timedelta(milliseconds=1)
"""When the real clock is past the world's day, timestamps are squeezed, in order, into this last part of that day."""


def compute_known_at(now: datetime, today: date) -> datetime:
    """Return the moment at which something becomes known, for rows that are asked for by day.

    It is never after the world's `today`, and later calls never get an earlier moment, as long as neither clock goes back. With
    real sources, where today is the day of `now`, it is `now`.
    """
    end = datetime.combine(today, time.max, tzinfo=UTC)
    if now < end - LATEST:
        return now
    behind = (now - end + LATEST) / timedelta(days=1)
    return end - LATEST / (1 + behind)
