"""IMDb ids as numbers, and sets of them that take few bytes an id."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Keys = NDArray[np.int64]

PLACES = 10_000
"""Rows of one id are told apart by a number below this one."""
BITS = 64


def make_keys(numbers: Keys, digits: Keys) -> Keys:
    """Return a key for each id from its number and its count of digits: tt0000001 and tt00000001 are two texts."""
    return numbers + digits * 10**10


def compute_keys(ids: pa.Array) -> Keys:
    """Return the key of each valid id (2 letters, 7 to 10 digits); different texts give different keys."""
    numbers: Keys = pc.utf8_slice_codeunits(ids, 2).cast(pa.int64()).to_numpy()
    return make_keys(numbers, pc.binary_length(ids).to_numpy().astype(np.int64) - 2)


def compute_all_keys(rows: pa.Table, columns: Sequence[str]) -> Keys:
    """Return the keys of the ids in these columns, which are of ids or of lists of ids."""
    found = [np.empty(0, np.int64)]
    for name in columns:
        for chunk in rows.column(name).chunks:
            found.append(compute_keys(chunk.flatten() if pa.types.is_list(chunk.type) else chunk))
    return np.concatenate(found)


class IdSet:
    """A set of ids that does not change, 8 bytes an id."""

    def __init__(self, keys: Keys) -> None:
        """Take the keys in rising order, each once."""
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, keys: Keys) -> Keys:
        """Return the position of each key in the set, from 0; -1 for a key that is not in it."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, at, -1)


class SeenRows:
    """The rows of a file so far, each an id and a place from 0 to 9999: a few bits a row if the ids are known beforehand."""

    def __init__(self, ids: IdSet | None = None) -> None:
        """Take the set that all ids are in, or None."""
        self._ids, self._bits, self._others = ids, np.zeros(len(ids) if ids else 0, np.uint64), SeenKeys()

    def find_repeated(self, keys: Keys, places: Keys) -> NDArray[np.bool_]:
        """Return true for each row that came earlier, in this batch or a previous one; add all rows."""
        rows = keys * PLACES + places
        if self._ids is None:
            return self._others.find_repeated(rows)
        has_bit = places < BITS
        repeated = np.zeros(len(keys), np.bool_)
        repeated[has_bit] = self._set_bits(self._ids.find(keys[has_bit]), places[has_bit])
        repeated[~has_bit] = self._others.find_repeated(rows[~has_bit])
        return repeated

    def _set_bits(self, ids: Keys, places: Keys) -> NDArray[np.bool_]:
        """Return true for each bit that was set before, in this batch or a previous one; set all bits."""
        unique, first = np.unique(ids * BITS + places, return_index=True)
        words, masks = unique // BITS, np.left_shift(np.uint64(1), (unique % BITS).astype(np.uint64))
        repeated = np.ones(len(ids), np.bool_)
        repeated[first[self._bits[words] & masks == 0]] = False
        np.bitwise_or.at(self._bits, words, masks)
        return repeated


class SeenKeys:
    """The keys so far, as sorted runs of falling length, so that each new batch is merged with only a few of them."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def close(self) -> IdSet:
        """Return the keys as a set; this object is then empty, so that they are not in memory twice."""
        self._merge(0)
        return IdSet(self._runs.pop() if self._runs else np.empty(0, np.int64))

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
        if len(run):
            self._runs.append(run)
            self._merge(2)

    def _merge(self, factor: int) -> None:
        """Merge the last two runs while the longer one is not `factor` times as long; all of them if factor is 0."""
        while len(self._runs) > 1 and (not factor or len(self._runs[-2]) <= factor * len(self._runs[-1])):
            # A stable sort of two sorted runs is a merge.
            self._runs.append(np.sort(np.concatenate((self._runs.pop(), self._runs.pop())), kind="stable"))
