"""The pointer in Redis that says which predictions are live, and where their catalogue lies."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import orjson

from serving.core.clock import MAX_CLOCK_SKEW
from serving.core.errors import CorruptRow

POINTER_KEY = "marquee:prediction_set"
"""Holds the live prediction set as JSON; predict_all ends with one write of it."""
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Published:
    """The catalogue that should be served: an object in the bucket, its size in bytes, the day its ratings are right for."""

    key: str
    sha256: str
    size: int
    day: date


def parse_pointer(body: bytes) -> Published:
    """Parse what predict_all wrote; raises CorruptRow naming what is wrong."""
    try:
        fields = orjson.loads(body)
        published = Published(
            key=str(fields["catalogue_key"]),
            sha256=str(fields["catalogue_sha256"]),
            size=int(fields["catalogue_bytes"]),
            day=date.fromisoformat(fields["day"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptRow(f"the pointer {POINTER_KEY} is not a prediction set: {error!r}") from None
    if not _SHA256.match(published.sha256):  # it becomes a file's name
        raise CorruptRow(f"the pointer {POINTER_KEY} names {published.sha256[:100]!r}, which is no sha256")
    if datetime.combine(published.day, time.min, tzinfo=UTC) > datetime.now(UTC) + MAX_CLOCK_SKEW:
        raise CorruptRow(f"the prediction set of the pointer {POINTER_KEY} is of {published.day}, which is still to come")
    return published
