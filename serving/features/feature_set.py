"""The published feature set of a deployment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from serving.core.clock import has_come

_PROJECT = re.compile(r"[A-Za-z0-9_]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """One published, immutable set of features; `name` is the Feast project that keys its rows."""

    name: str
    snapshot_id: str
    content_hash: str
    schema_hash: str
    """Hash of the names and types of the feature service's features; a model fits only a set with the same hash."""
    movies: int
    day: date
    since: float
    """Start of the day that the set describes, UTC, in Unix seconds."""
    world_day: date | None = None
    """Today in the synthetic sample's world; None for real movies, whose today is the real one."""

    def age_seconds(self, now: float) -> int:
        """Return the seconds since `since`, never negative. now: Unix seconds."""
        return int(now - self.since) if now > self.since else 0


def parse_feature_set(fields: Mapping[str, Any], world_day: date | None = None) -> FeatureSet:
    """Parse the part `features` of a deployment. Raise ValueError, TypeError or KeyError naming what is wrong.

    world_day: today in the sample's world; None for real movies.
    """
    day = date.fromisoformat(fields["day"])
    began = datetime.combine(day, time.min, tzinfo=UTC)
    feature_set = FeatureSet(
        name=str(fields["feature_set"]),
        snapshot_id=str(fields["snapshot_id"]),
        content_hash=str(fields["content_hash"]),
        schema_hash=str(fields["schema_hash"]),
        movies=int(fields["movies"]),
        day=day,
        since=began.timestamp(),
        world_day=world_day,
    )
    if not _PROJECT.match(feature_set.name):
        raise ValueError(f"{feature_set.name[:100]!r} is not a Feast project")
    if not has_come(day, datetime.now(UTC), world_day):
        raise ValueError(f"the feature set {feature_set.name} is of {feature_set.day}, which is still to come")
    return feature_set
