"""Sets the hour and the zone that code under test sees, so that no result depends on when the tests run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from types import ModuleType

import pytest

ZONES = ("UTC", "Asia/Seoul", "Pacific/Auckland", "America/Los_Angeles")
CLOCKS = tuple(
    datetime.fromisoformat(f"2026-11-26T{clock}+00:00") for clock in ("00:00:00", "00:30:00", "02:59:59", "03:01:00", "23:59:59")
)
"""Hours, in UTC, at which a day has just begun, is about to end, or the nightly run is due."""
every_clock = pytest.mark.parametrize("clock", CLOCKS, ids=[f"{clock:%H%M}" for clock in CLOCKS])
every_zone = pytest.mark.parametrize("zone", ZONES)


@contextmanager
def local_zone(zone: str) -> Iterator[None]:
    """Within the block the process has this local zone, as with the variable TZ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        try:
            yield
        finally:
            patch.undo()
            time.tzset()


@contextmanager
def clock_at(clock: datetime, zone: str, *modules: ModuleType) -> Iterator[None]:
    """Within the block, `datetime.now` in these modules gives this moment, as a local time if it is called without a zone."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            moment = clock.astimezone(tz)
            return cls.fromtimestamp(moment.timestamp(), tz)

    with local_zone(zone), pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setattr(module, "datetime", Clock)
        yield


def seconds(clock: datetime) -> float:
    """Return the moment as `time.time` gives it."""
    assert clock.tzinfo is UTC
    return clock.timestamp()
