"""The moment at which rows become known, where the source has a day of its own."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tasks.core.world_clock import compute_known_at

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize("clock", [time(0, 0), time(12, 30), time(23, 59, 59)])
def test_with_real_sources_or_a_world_ahead_it_is_now(clock: time) -> None:
    now = datetime.combine(TODAY, clock, UTC)
    assert compute_known_at(now, TODAY) == now
    assert compute_known_at(now, TODAY + timedelta(90)) == now


def test_in_a_world_that_stands_still_it_is_that_day_and_later_calls_are_not_earlier() -> None:
    start = datetime(2026, 11, 26, 12, tzinfo=UTC)
    moments = [compute_known_at(start + timedelta(hours=6 * step), TODAY) for step in range(200)]
    assert {moment.date() for moment in moments} == {TODAY}
    assert moments == sorted(moments)
    assert len(set(moments[:60])) == 60, "two builds of one day are told apart for days"


def test_when_the_world_moves_on_its_moments_do_too() -> None:
    now = datetime(2027, 3, 1, tzinfo=UTC)
    assert compute_known_at(now, TODAY) < compute_known_at(now, TODAY + timedelta(1)) < now
