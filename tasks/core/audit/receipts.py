"""The receipt that the API keeps of an answer, and the values that it refers to."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

PREDICTION_SET = ("prediction_set", "snapshot")
"""The source of an answer that came from the prediction set, not from features."""
Row = Mapping[str, Any]
Floats = NDArray[np.float32]

_FEATURE_SET = re.compile(r"movies_(\d{8})_\w+", re.ASCII)


@dataclass(frozen=True, eq=False)
class Receipt:
    """A row of the API's table receipt; infra/setup/migrations/receipts.sql describes each column."""

    prediction_id: str
    predicted_at: datetime
    endpoint: str
    source: str
    movie_id: str
    rating: float
    model_output: float
    model_version: str
    model_sha256: str
    release_sha256: str | None
    feature_set: str
    snapshot_id: str
    features_as_of: datetime
    features: Sequence[float] | None
    """The model's input in its own column order, NaN for unknown; None for an answer from the prediction set."""
    overrides: Mapping[str, float | None] | None
    """Features that a what-if request replaced; `features` contains them already."""


def read_day(feature_set: str) -> date | None:
    """Return the day of the rows that a feature set was first published from; None if its name has no day."""
    found = _FEATURE_SET.fullmatch(feature_set)
    try:
        return datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).date() if found else None
    except ValueError:
        return None


def to_float32(rows: Iterable[Sequence[float | None]]) -> Floats:
    """Return the values as the model reads them: float32, None as NaN. Shape [rows, features]."""
    return np.array([[np.nan if value is None else value for value in row] for row in rows], np.float32)


def offline_values(receipt: Receipt, names: Sequence[str], row: Row) -> list[float | None]:
    """Return the movie's offline values of these features, with the values that a what-if request replaced."""
    values = {**row, **(receipt.overrides or {})}
    return [values.get(name) for name in names]


def find_differing(recorded: Floats, offline: Floats) -> NDArray[np.bool_]:
    """Return true where the values differ as float32; unknown equals unknown."""
    differing: NDArray[np.bool_] = (recorded != offline) & ~(np.isnan(recorded) & np.isnan(offline))
    return differing
