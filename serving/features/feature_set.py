"""The pointer in Redis that says which published set of features is live."""

import re
from dataclasses import dataclass
from datetime import date, datetime

import orjson

from serving.errors import CorruptRow

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


def parse_pointer(body: bytes) -> FeatureSet:
    """Parse what publishing wrote; raises CorruptRow naming what is wrong."""
    try:
        fields = orjson.loads(body)
        feature_set = FeatureSet(
            name=str(fields["feature_set"]),
            snapshot_id=str(fields["snapshot_id"]),
            movies=int(fields["movies"]),
            day=date.fromisoformat(fields["day"]),
            published_at=datetime.fromisoformat(fields["published_at"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptRow(f"the pointer {POINTER_KEY} is not a feature set: {error!r}") from None
    if not _PROJECT.match(feature_set.name):
        raise CorruptRow(f"the pointer {POINTER_KEY} names {feature_set.name[:100]!r}, which is no Feast project")
    return feature_set
