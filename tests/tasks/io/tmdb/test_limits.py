"""Tests the client's request rate and its time limit."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from infra.sources.faults import Fault
from tasks.core.errors import Unavailable
from tasks.io.tmdb.limits import RETRIES_AT_START, RateLimiter, RetryBudget
from tests.tasks.core.tmdb.bodies import TOO_MANY
from tests.tasks.io.tmdb.source import ONE, Start

pytestmark = pytest.mark.integration


def test_retry_after_holds_every_thread_and_is_capped(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[float] = []
    monkeypatch.setattr(RateLimiter, "hold", lambda _, seconds: held.append(seconds))
    monkeypatch.setattr(RateLimiter, "pause", lambda _, seconds: None)
    in_ten = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    waits = ["7", in_ten, "86400", "9" * 400]
    source = start({ONE: [Fault(429, TOO_MANY, {"Retry-After": wait}) for wait in waits]})
    assert source.fetch() is not None
    assert held[0] == 7
    assert 7 < held[1] <= 10
    assert held[2:] == [60, 60]


def test_the_rate_is_kept_over_all_threads(start: Start) -> None:
    source = start(rate=100)
    began = time.monotonic()
    list(source.tmdb.fetch_movies(["tt70000001"] * 60))
    assert time.monotonic() - began >= 0.58


def test_patience_grows_back_with_success() -> None:
    patience = RetryBudget()
    for _ in range(RETRIES_AT_START):
        patience.take("x")
    for _ in range(10):
        patience.restore()
    patience.take("x")
    with pytest.raises(Unavailable, match="the last time: x"):
        patience.take("x")


def test_the_end_wakes_waiting_threads() -> None:
    pace = RateLimiter(0.001)
    pace.wait()
    pace.end()
    with pytest.raises(Unavailable, match="ended before"):
        pace.wait()
