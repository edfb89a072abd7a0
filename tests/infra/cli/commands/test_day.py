"""Tests the days at which `marquee day` runs the pipeline."""

from datetime import date

import pytest

from infra.cli.commands.day import list_stops, parse_target
from infra.platform.errors import StackError

NOW = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("text", "target"), [("+0", NOW), ("+1", date(2026, 11, 27)), ("+40", date(2027, 1, 5)), ("2026-12-01", date(2026, 12, 1))]
)
def test_a_target_is_a_number_of_days_or_a_date(text: str, target: date) -> None:
    assert parse_target(text, NOW) == target


@pytest.mark.parametrize("text", ["", "soon", "30", "+", "+-1", "+1.5", "-3", "+99999999", "2026-11-25"])
def test_other_texts_and_earlier_days_are_rejected(text: str) -> None:
    with pytest.raises(StackError, match=r"is not a day|does not go back"):
        parse_target(text, NOW)


@pytest.mark.parametrize(
    ("target", "step", "days"),
    [("+3", 1, [27, 28, 29]), ("+4", 2, [28, 30]), ("+3", 2, [28, 29]), ("+3", 3, [29]), ("+0", 1, [26]), ("+0", 0, [26])],
)
def test_the_pipeline_runs_on_every_nth_day_and_on_the_last(target: str, step: int, days: list[int]) -> None:
    assert [stop.day for stop in list_stops(NOW, parse_target(target, NOW), step)] == days
