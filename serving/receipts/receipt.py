"""The receipt of one answer, and the generator of prediction ids."""

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
    """The data to compute an answer again; a tuple, because it is created on the answer path and must be cheap."""

    prediction_id: str
    """Id from PredictionIds: 32 hex digits."""
    predicted_at: float
    """Time of the answer, Unix seconds."""
    endpoint: str
    """Endpoint: predict, batch, whatif or grpc."""
    source: str
    """fresh, stale or prediction_set."""
    movie_id: str
    rating: float
    """Rating in the answer, rounded."""
    model_output: float
    """Output of the model, float32, before rounding."""
    provenance: Provenance
    features_as_of: datetime
    features: NDArray[np.float32] | None
    """Input of the model, shape (features,), NaN for unknown; not changed later. None when no model ran (prediction_set)."""
    overrides: dict[str, float | None] | None
    """Overrides of a what-if request; `features` already includes them."""


class PredictionIds:
    """A generator of ids of 32 hex digits that sort by time: 12 of Unix milliseconds, 12 random ones, 8 of a counter.

    The random part is made once, so that an answer does not cost a system call; it differs between processes and restarts.
    """

    def __init__(self) -> None:
        self._own = os.urandom(6).hex()
        self._count = itertools.count().__next__

    def next(self) -> str:
        """Return a new id, unique even when the clock is set back. Thread-safe."""
        return f"{int(time.time() * 1000):012x}{self._own}{self._count() & _COUNTER_MASK:08x}"
