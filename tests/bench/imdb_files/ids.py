"""The ids of titles and people, in the order of IMDb's files, and numbers that depend on nothing but an index.

IMDb sorts its files by id as text: tt1000000 is followed by tt10000000. An id is found from its place in that order, so that no
list of ids is kept.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Indexes = NDArray[np.int64]

SHORT, LONG_FROM, LONG_TO = 10_000_000, 1_000_000, 4_000_000
"""Numbers below SHORT have seven digits. Those from LONG_FROM to LONG_TO, with a digit more, are also numbers of ids."""
PLACES = SHORT - 1 + 10 * (LONG_TO - LONG_FROM)
"""The ids from 0000001 to 39999999."""
FAMILY = 11
"""A number of seven digits and its ten continuations."""


class IdSpace:
    """The ids of `count` things, evenly spread over all places, each at a place that its index gives."""

    def __init__(self, letters: str, count: int) -> None:
        """Raise ValueError unless there are two places for each: the second is for what comes later."""
        self._letters, self.count, self._step = letters, count, PLACES // max(count, 1)
        if self._step < 2:
            raise ValueError(f"{count} ids are too many: there are {PLACES} places, and each needs two")

    def find_places(self, indexes: Indexes, later: bool = False) -> Indexes:
        """Return the place of each; later: of a second one, which comes between two of the first."""
        offsets = (scatter(indexes, 1) * self._step).astype(np.int64)
        return indexes * self._step + (offsets + later) % self._step

    def render(self, indexes: Indexes) -> pl.Series:
        """Return the ids of these."""
        return render_places(self._letters, self.find_places(indexes))


def render_places(letters: str, places: Indexes) -> pl.Series:
    """Return the ids at these places in the order of ids as text. places: from 0."""
    in_family = places - (LONG_FROM - 1)
    prefix, rank = LONG_FROM + in_family // FAMILY, in_family % FAMILY
    numbers = np.where(rank == 0, prefix, prefix * 10 + rank - 1)
    after = places - 10 * (LONG_TO - LONG_FROM) + 1
    numbers = np.where(in_family < 0, places + 1, np.where(prefix < LONG_TO, numbers, after))
    return letters + pl.Series(numbers).cast(pl.String).str.zfill(7)


def scatter(indexes: Indexes, salt: int) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each index, which looks random: SplitMix64 (Steele and others, 2014)."""
    start = (salt * 0xD1B54A32D192ED03 + 0x9E3779B97F4A7C15) % 2**64
    mixed = indexes.astype(np.uint64) + np.uint64(start)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    result: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) / 2**53
    return result
