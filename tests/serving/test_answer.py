"""A rating is rounded as Python rounds to decimals, for every 32-bit float that a model can give."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.answer import RATING_DECIMALS, round_rating


@given(st.floats(min_value=1, max_value=10, width=32))
def test_any_rating(output: float) -> None:
    assert round_rating(output) == round(output, RATING_DECIMALS)


def test_ties() -> None:
    ties = (np.arange(10_000, 100_000, dtype=np.float64) + 0.5) / 10**RATING_DECIMALS
    exact = [float(tie) for tie in ties if float(np.float32(tie)) == float(tie)]
    assert len(exact) > 100
    assert [round_rating(tie) for tie in exact] == [round(tie, RATING_DECIMALS) for tie in exact]


def test_many_ratings_and_their_neighbours() -> None:
    ratings = np.linspace(1, 10, 200_000, dtype=np.float32)
    for outputs in (ratings, np.nextafter(ratings, np.float32(np.inf))):
        assert [round_rating(output) for output in outputs.tolist()] == [round(output, 4) for output in outputs.tolist()]
