"""A feature set that is found to be right for a day."""

from datetime import date

import pytest

from tasks.core.features.feature_set import FeatureSet, with_verified_day

LIVE = FeatureSet("movies_20261122_a", "1", "a", 2, "2026-11-22", "2026-11-22T03:00:00+00:00")


@pytest.mark.parametrize(
    ("day", "expected"), [("2026-11-21", "2026-11-22"), ("2026-11-22", "2026-11-22"), ("2026-12-01", "2026-12-01")]
)
def test_the_day_of_a_live_set_never_goes_back(day: str, expected: str) -> None:
    verified = with_verified_day(LIVE, date.fromisoformat(day), "s")
    assert (verified.day, verified.schema_hash) == (expected, "s")
    assert (verified.feature_set, verified.published_at) == (LIVE.feature_set, LIVE.published_at)
