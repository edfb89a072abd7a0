"""What a catalogue says of itself."""

import sqlite3
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime


class PredictionSetRejected(Exception):
    """The file is not a catalogue that can be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the ratings were made from; `day` is the latest that they are known to be right for."""

    prediction_set: str
    model_name: str
    model_version: str
    model_sha256: str
    feature_set: str
    content_hash: str
    snapshot_id: str
    sha256: str
    """Of the file."""
    films: int
    day: date

    def age_seconds(self, now: float) -> int:
        """Seconds since the day began, UTC; never negative. now: unix seconds."""
        return max(0, int(now - datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp()))


def read_metadata(connection: sqlite3.Connection, sha256: str, day: date) -> Metadata:
    """Read the table about and count the films; raises PredictionSetRejected or sqlite3.Error."""
    told = dict(connection.execute("select key, value from about"))
    names = [field.name for field in fields(Metadata) if field.name not in ("sha256", "films", "day")]
    if missing := [name for name in names if not told.get(name)]:
        raise PredictionSetRejected(f"its table about lacks {', '.join(missing)}")
    (films,) = connection.execute("select count(*) from film").fetchone()
    if films == 0:
        raise PredictionSetRejected("it holds no film")
    return Metadata(**{name: told[name] for name in names}, sha256=sha256, films=films, day=day)
