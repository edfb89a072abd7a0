"""The pointer in Redis that says which published set of features is live."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import orjson

from serving.core.clock import MAX_CLOCK_SKEW
from serving.core.errors import CorruptRow

POINTER_KEY = "marquee:feature_set"
"""Holds the live feature set as JSON; publishing ends with one write of it."""
_PROJECT = re.compile(r"[A-Za-z0-9_]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """One published, immutable set of features; `name` is the Feast project that keys its rows."""

    name: str
    snapshot_id: str
    movies: int
    day: date
    published_at: datetime
    schema_hash: str
    """Of the names and types of the feature service's features; a model fits a set of the same hash only."""
    since: float
    """When the day that the set describes began, UTC, in unix seconds."""

    def age_seconds(self, now: float) -> int:
        """Seconds since then; never negative. now: unix seconds."""
        return int(now - self.since) if now > self.since else 0


def parse_pointer(body: bytes) -> FeatureSet:
    """Parse what publishing wrote; raises CorruptRow naming what is wrong."""
    try:
        fields = orjson.loads(body)
        day = date.fromisoformat(fields["day"])
        began = datetime.combine(day, time.min, tzinfo=UTC)
        feature_set = FeatureSet(
            name=str(fields["feature_set"]),
            snapshot_id=str(fields["snapshot_id"]),
            movies=int(fields["movies"]),
            day=day,
            published_at=datetime.fromisoformat(fields["published_at"]),
            schema_hash=str(fields.get("schema_hash", "")),
            since=began.timestamp(),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptRow(f"the pointer {POINTER_KEY} is not a feature set: {error!r}") from None
    if not _PROJECT.match(feature_set.name):
        raise CorruptRow(f"the pointer {POINTER_KEY} names {feature_set.name[:100]!r}, which is no Feast project")
    if began > datetime.now(UTC) + MAX_CLOCK_SKEW:
        raise CorruptRow(f"the feature set {feature_set.name} is of {feature_set.day}, which is still to come")
    return feature_set
