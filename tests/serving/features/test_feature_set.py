"""The age of a feature set, and the refusal of one of a day to come, at any hour in any zone."""

from datetime import datetime, timedelta

import pytest

from serving.features import feature_set
from serving.features.feature_set import parse_feature_set
from serving.prediction_set import reference
from serving.prediction_set.reference import parse_reference
from tests.clocks import clock_at, every_clock, every_zone, seconds

FEATURES = {
    "feature_set": "movies_20261126_0123456789ab",
    "snapshot_id": "1",
    "content_hash": "c",
    "schema_hash": "s",
    "movies": 3,
    "day": "2026-11-26",
}
PREDICTIONS = {
    "prediction_set": "p",
    "database_key": "k",
    "database_sha256": "a" * 64,
    "database_bytes": 1,
    "movies": 3,
    "day": "2026-11-26",
}


@every_zone
@every_clock
def test_the_age_counts_from_the_midnight_of_utc(clock: datetime, zone: str) -> None:
    with clock_at(clock, zone, feature_set):
        parsed = parse_feature_set(FEATURES)
        age = parsed.age_seconds(seconds(clock))
    assert age == clock.hour * 3600 + clock.minute * 60 + clock.second


@every_zone
@pytest.mark.parametrize(("before_midnight", "accepted"), [(timedelta(minutes=4), True), (timedelta(minutes=6), False)])
def test_a_day_to_come_is_accepted_only_within_the_skew_of_clocks(zone: str, before_midnight: timedelta, accepted: bool) -> None:
    clock = datetime.fromisoformat("2026-11-26T00:00:00+00:00") - before_midnight
    with clock_at(clock, zone, feature_set, reference):
        if accepted:
            assert parse_reference(PREDICTIONS).day == parse_feature_set(FEATURES).day
            return
        for parse, fields in ((parse_feature_set, FEATURES), (parse_reference, PREDICTIONS)):
            with pytest.raises(ValueError, match="still to come"):
                parse(fields)
