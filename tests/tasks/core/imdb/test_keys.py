"""The memory of keys: the first of equal keys is new, wherever the batches are cut."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.imdb.keys import IdSet, SeenKeys, SeenRows, compute_all_keys, compute_keys


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


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 63, 64, 9999])), max_size=12), max_size=12))
def test_the_first_of_equal_rows_is_new(batches: list[list[tuple[int, int]]]) -> None:
    known = set[tuple[int, int]]()
    for_any, for_known = SeenRows(), SeenRows(IdSet(np.arange(9)))
    for batch in batches:
        expected = []
        for row in batch:
            expected.append(row in known)
            known.add(row)
        keys, places = (np.array([row[column] for row in batch], np.int64) for column in (0, 1))
        assert for_any.find_repeated(keys, places).tolist() == expected
        assert for_known.find_repeated(keys, places).tolist() == expected


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12))
def test_seen_keys_become_a_set_and_are_given_up(batches: list[list[int]]) -> None:
    seen = SeenKeys()
    for batch in batches:
        seen.add(np.array(batch, np.int64))
    known = sorted({key for batch in batches for key in batch})
    ids = seen.close()
    assert len(ids) == len(known)
    assert ids.find(np.array(known, np.int64)).tolist() == list(range(len(known)))
    assert len(seen.close()) == 0


def test_ids_of_columns_and_of_lists() -> None:
    rows = pa.table({"one": ["nm0000001", "nm0000002"], "many": [["nm0000003", "nm0000001"], []], "other": [1, 2]})
    assert sorted(compute_all_keys(rows, ["one", "many"]) % 10**10) == [1, 1, 2, 3]


def test_a_set_of_ids_knows_their_places() -> None:
    assert IdSet(np.array([10, 20, 30])).find(np.array([10, 15, 30, 99, 20])).tolist() == [0, -1, 2, -1, 1]
    assert IdSet(np.array([], np.int64)).find(np.array([1])).tolist() == [-1]


def test_ids_of_different_length_are_different() -> None:
    ids = pa.array(["tt0000001", "tt00000001", "tt0000000001", "tt9999999999", "tt0000001"])
    assert len(set(compute_keys(ids).tolist())) == 4
