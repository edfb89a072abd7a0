"""The receipt of one answer, and the ids that answers are known by."""

import itertools
import os
import time
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.core.provenance import Provenance

_COUNTER_MASK = 0xFFFF_FFFF


class Receipt(NamedTuple):
    """Enough to compute the answer again; a tuple, since making it is part of answering."""

    prediction_id: str
    """As PredictionIds makes them: 32 hex digits."""
    answered_at: float
    """Unix seconds."""
    way: str
    """predict, batch, whatif or grpc."""
    source: str
    """fresh, stale or prediction_set."""
    movie_id: str
    rating: float
    """As answered, rounded."""
    model_output: float
    """The model's float32, before rounding."""
    provenance: Provenance
    features_as_of: datetime
    features: NDArray[np.float32] | None
    """The model's input, shape (features,), NaN for unknown, never written to again; None where no model ran (prediction_set)."""
    overrides: dict[str, float | None] | None
    """What a what-if request replaced in the stored features; `features` has it already."""


class PredictionIds:
    """Ids of 32 hex digits that sort by time: 12 of Unix milliseconds, 12 random ones of this object, 8 of a counter.

    Two processes, and one before and after a restart, differ in the random part; no answer asks the system for randomness.
    """

    def __init__(self) -> None:
        self._own = os.urandom(6).hex()
        self._count = itertools.count().__next__

    def next(self) -> str:
        """A new id, from any thread; unique even when the clock is set back."""
        return f"{int(time.time() * 1000):012x}{self._own}{self._count() & _COUNTER_MASK:08x}"
