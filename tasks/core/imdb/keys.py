"""IMDb ids as numbers, and a set of the keys that a file has had so far: 8 bytes a key."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Keys = NDArray[np.int64]


def compute_keys(ids: pa.Array) -> Keys:
    """Return a number for each valid id (2 letters, 7 to 10 digits); different texts give different numbers."""
    numbers: Keys = pc.utf8_slice_codeunits(ids, 2).cast(pa.int64()).to_numpy()
    lengths: Keys = pc.binary_length(ids).to_numpy().astype(np.int64)
    return numbers + lengths * 10**10  # tt0000001 and tt00000001 are two texts


class SeenKeys:
    """The keys so far, as sorted runs of falling length, so that each new batch is merged with only a few of them."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def find_repeated(self, keys: Keys) -> NDArray[np.bool_]:
        """Return true for each key that came earlier, in this batch or a previous one; add all keys to the set."""
        unique, first = np.unique(keys, return_index=True)
        repeated = np.ones(len(keys), np.bool_)
        new = ~self.holds(unique)
        repeated[first[new]] = False
        self._add(unique[new])
        return repeated

    def add(self, keys: Keys) -> None:
        self.find_repeated(keys)

    def holds(self, keys: Keys) -> NDArray[np.bool_]:
        found = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            at = np.searchsorted(run, keys)
            found |= run[np.minimum(at, len(run) - 1)] == keys
        return found

    def _add(self, run: Keys) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            # A stable sort of two sorted runs is a merge.
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        if len(run):
            self._runs.append(run)
