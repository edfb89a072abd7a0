"""The description of a feature set, as publish_features records it."""

from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True)
class FeatureSet:
    """A feature set: the rows of all movies, published to Redis together."""

    feature_set: str
    """Feast project, and so the end of every Redis key, of the set."""
    snapshot_id: str
    content_hash: str
    movies: int
    day: str
    """The latest day that the set is known to be right for, YYYY-MM-DD."""
    published_at: str
    schema_hash: str = ""
    """The hash of the names and types of the model's features; "" in a pointer written before schemas had hashes."""


def with_verified_day(live: FeatureSet, day: date, schema_hash: str) -> FeatureSet:
    """Return the same set with this schema hash, right for `day` or for its own day, whichever is later."""
    return replace(live, day=max(live.day, day.isoformat()), schema_hash=schema_hash)
