"""The types of a rating and of a feature row, which every layer shares, and the check of a rating."""

import numpy as np
from numpy.typing import NDArray

from serving.core.errors import ImplausibleRating

Row = NDArray[np.float32]
"""One movie's features, shape (features,), or several movies', shape (movies, features); NaN for unknown."""

LOWEST_RATING, HIGHEST_RATING = 1.0, 10.0
"""IMDb's scale."""
RATING_DECIMALS = 4


def check_rating(output: float) -> float:
    """Return a model's output if it is a rating; raise ImplausibleRating, never clamp."""
    if not LOWEST_RATING <= output <= HIGHEST_RATING:  # false for NaN too
        raise ImplausibleRating(f"the model's output {output:g} is not a rating from 1 to 10")
    return output
