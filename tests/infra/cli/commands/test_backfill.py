"""Tests the days that `marquee backfill FROM TO` accepts."""

import pytest

from infra.cli.commands.backfill import parse_days
from infra.platform.errors import StackError


def test_two_days_in_order_are_the_params_of_the_dag() -> None:
    assert parse_days("2026-11-01", "2026-11-01") == {"since": "2026-11-01", "day": "2026-11-01"}


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (("yesterday", "2026-11-01"), "is not a day"),
        (("2026-11-01", "+3"), "is not a day"),
        (("2026-11-02", "2026-11-01"), "is after"),
    ],
)
def test_other_arguments_are_rejected(days: tuple[str, str], reason: str) -> None:
    with pytest.raises(StackError, match=reason):
        parse_days(*days)
