"""The day under which raw bytes are archived."""

from datetime import date

import pytest

from tasks.core.archive_day import choose_archive_day

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize("day", [TODAY, date(2026, 11, 25)])
def test_a_run_keeps_its_own_day_also_when_it_ends_after_midnight(day: date) -> None:
    assert choose_archive_day(day, TODAY) == day


@pytest.mark.parametrize("day", [date(2026, 11, 24), date(2026, 1, 1)])
def test_what_a_run_for_a_missed_day_fetches_was_not_known_on_that_day(day: date) -> None:
    assert choose_archive_day(day, TODAY) == TODAY
