"""The reference of a deployment to its prediction database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from serving.core.clock import has_come

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class PredictionSetReference:
    """One published prediction set, and the object in the bucket that holds its prediction database."""

    name: str
    key: str
    sha256: str
    size: int
    """Bytes."""
    movies: int
    day: date
    """Latest day for which the predictions are known to be valid."""

    def age_seconds(self, now: float) -> int:
        """Return the seconds since the day began, UTC, never negative. now: Unix seconds."""
        return max(0, int(now - datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp()))


def parse_reference(fields: Mapping[str, Any], world_day: date | None = None) -> PredictionSetReference:
    """Parse the part `predictions` of a deployment. Raise ValueError, TypeError or KeyError naming what is wrong.

    world_day: today in the sample's world; None for real movies.
    """
    reference = PredictionSetReference(
        name=str(fields["prediction_set"]),
        key=str(fields["database_key"]),
        sha256=str(fields["database_sha256"]),
        size=int(fields["database_bytes"]),
        movies=int(fields["movies"]),
        day=date.fromisoformat(fields["day"]),
    )
    if not _SHA256.match(reference.sha256):  # it is used as a file name
        raise ValueError(f"{reference.sha256[:100]!r} is not a sha256")
    if not has_come(reference.day, datetime.now(UTC), world_day):
        raise ValueError(f"the prediction set is of {reference.day}, which is still to come")
    return reference
