"""The day of the source: the real one, or the one that the sample's server tells."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tasks.command import choose_day
from tasks.core.errors import Unavailable, WrongDay
from tasks.io import world

WORLD: Any = SimpleNamespace(world_url="http://sources/world")
REAL: Any = SimpleNamespace(world_url=None)
WORLD_DAY = date(2031, 5, 4)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[date | Exception]:
    """The answers to come; the last one is given again."""
    to_come: list[date | Exception] = [WORLD_DAY]

    def fetch(url: str) -> date:
        assert url == WORLD.world_url
        answer = to_come.pop(0) if len(to_come) > 1 else to_come[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(world, "_fetch_day", fetch)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    return to_come


def test_today_is_the_worlds_day_or_without_a_world_the_real_one(answers: list[date | Exception]) -> None:
    assert world.read_today(WORLD) == WORLD_DAY
    assert abs(world.read_today(REAL) - datetime.now(UTC).date()) <= timedelta(1)
    assert world.fetch_world_day(REAL, at_least=WORLD_DAY) is None


def test_a_restarting_server_is_asked_again_and_an_absent_one_is_unavailable(
    answers: list[date | Exception],
) -> None:
    answers[:] = [requests.ConnectionError("refused"), requests.Timeout("slow"), WORLD_DAY]
    assert world.read_today(WORLD) == WORLD_DAY
    answers[:] = [requests.ConnectionError("refused")]
    with pytest.raises(Unavailable, match=r"http://sources/world does not tell the day .* refused"):
        world.read_today(WORLD)
    known = WORLD_DAY - timedelta(3)
    assert world.fetch_world_day(WORLD, at_least=known) == known, "a pointer is written all the same"


@pytest.mark.parametrize(
    ("day", "due", "expected"),
    [
        (None, False, WORLD_DAY),
        (date(2026, 11, 26), True, WORLD_DAY),  # the scheduler knows the real day alone
        (date(2026, 11, 26), False, date(2026, 11, 26)),  # a person chose it
        (WORLD_DAY, False, WORLD_DAY),
    ],
)
def test_on_the_sample_a_run_that_was_due_is_for_the_worlds_day(
    answers: list[date | Exception], day: date | None, due: bool, expected: date
) -> None:
    assert choose_day(WORLD, day, due) == expected


def test_with_real_sources_the_day_due_is_the_day() -> None:
    day = date(2026, 11, 1)
    assert choose_day(REAL, day, due=True) == choose_day(REAL, day, due=False) == day


@pytest.mark.parametrize("settings", [REAL, WORLD])
def test_a_day_in_the_future_is_refused_and_a_retry_would_not_help(answers: list[date | Exception], settings: Any) -> None:
    later = world.read_today(settings) + timedelta(2)
    with pytest.raises(WrongDay, match=f"{later} is in the future") as refused:
        choose_day(settings, later, due=False)
    assert refused.value.exit_code == 64
