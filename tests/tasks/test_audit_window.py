"""The receipts that an audit looks at: those of exactly 24 hours, or since a person accepted a difference."""

from contextlib import nullcontext
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks import audit_skew
from tasks.io.postgres.lease import Lease
from tasks.settings import Settings
from tests.clocks import clock_at, every_clock, every_zone


@every_zone
@every_clock
@pytest.mark.parametrize("accepted_before", [None, timedelta(hours=1), timedelta(hours=30)])
def test_the_window_is_the_same_at_any_hour_in_any_zone(
    monkeypatch: pytest.MonkeyPatch, clock: datetime, zone: str, accepted_before: timedelta | None
) -> None:
    asked: list[Any] = []

    def read_sample(_: object, since: datetime, until: datetime, __: int) -> list[object]:
        asked.append((since, until))
        return []

    def delete_before(_: object, moment: datetime) -> int:
        asked.append(moment)
        return 0

    accepted_at = clock - accepted_before if accepted_before else None
    monkeypatch.setattr(audit_skew, "connect", lambda _: nullcontext())
    monkeypatch.setattr(audit_skew, "read_accepted_at", lambda _: accepted_at)
    receipts = SimpleNamespace(
        connect=lambda _: nullcontext(),
        read_sample=read_sample,
        delete_before=delete_before,
    )
    monkeypatch.setattr(audit_skew, "receipts", receipts)
    settings = cast(Settings, SimpleNamespace(mlflow_tracking_uri="", skew_max_share=0.0, receipts_keep_days=30))
    with clock_at(clock, zone, audit_skew):
        audit_skew.run(settings, date(2026, 11, 26), cast(Lease, None))
    hours = timedelta(hours=1) if accepted_before == timedelta(hours=1) else timedelta(hours=24)
    assert asked == [(clock - hours, clock), clock - timedelta(days=30)]
