"""The time by which features are old or still to come: the real time, or that of the synthetic sample's world."""

from datetime import UTC, date, datetime, time, timedelta

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""A stored time that is further ahead of this process's clock is treated as an error of its writer."""

DAY_SECONDS = 86_400


def now_in_world(now: float, world_day: date | None) -> float:
    """Return the time of day of `now` on the world's day; `now` itself if there is no world. Both in Unix seconds, UTC."""
    if world_day is None:
        return now
    return datetime.combine(world_day, time.min, tzinfo=UTC).timestamp() + now % DAY_SECONDS


def has_come(day: date, now: datetime, world_day: date | None) -> bool:
    """Return true if a stored day is not later than today, by this clock or by the world's."""
    today = (now + MAX_CLOCK_SKEW).date()
    return day <= (today if world_day is None else world_day)
