"""The memory of keys: the first of equal keys is new, wherever the batches are cut."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.imdb.keys import SeenKeys, compute_keys


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12))
def test_the_first_of_equal_keys_is_new(batches: list[list[int]]) -> None:
    seen, known = SeenKeys(), set[int]()
    for batch in batches:
        expected = []
        for key in batch:
            expected.append(key in known)
            known.add(key)
        assert seen.find_repeated(np.array(batch, np.int64)).tolist() == expected
    assert seen.holds(np.arange(31)).tolist() == [key in known for key in range(31)]


def test_ids_of_different_length_are_different() -> None:
    ids = pa.array(["tt0000001", "tt00000001", "tt0000000001", "tt9999999999", "tt0000001"])
    assert len(set(compute_keys(ids).tolist())) == 4
