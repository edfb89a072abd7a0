"""Rows in slices are walked through by id: nothing is lost or seen twice, wherever the borders are."""

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.features.changes import compute_changes, merge_newest
from tasks.core.features.rows_by_id import RowsById, follow


def frame(ids: list[str], value: int) -> pl.DataFrame:
    return pl.DataFrame({"movie_id": ids, "x": [value] * len(ids)}, schema={"movie_id": pl.String, "x": pl.Int64})


def cut(rows: pl.DataFrame, borders: list[int]) -> list[pl.DataFrame]:
    """Return the rows in slices, some of them empty."""
    starts = [0, *sorted(border % (rows.height + 1) for border in borders), rows.height]
    return [rows[start:end] for start, end in pairwise(starts)]


IDS = st.sets(st.integers(0, 60)).map(lambda numbers: [f"tt{number:07d}" for number in sorted(numbers)])
BORDERS = st.lists(st.integers(0, 60), max_size=5)


@given(IDS, BORDERS, IDS, BORDERS)
def test_two_walks_side_by_side_see_every_row_once(left: list[str], cuts: list[int], right: list[str], others: list[int]) -> None:
    walked = RowsById(cut(frame(right, 2), others))
    pairs = [(rows, walked.take(last)) for rows, last in follow(cut(frame(left, 1), cuts))]
    assert [movie_id for rows, _ in pairs for movie_id in rows["movie_id"]] == left
    assert [movie_id for _, rows in pairs if rows is not None for movie_id in rows["movie_id"]] == right
    for rows, taken in pairs[:-1]:
        assert taken is not None
        assert taken.is_empty() or taken["movie_id"].max() <= rows["movie_id"].max()  # type: ignore[operator]  # two texts


@given(IDS, BORDERS, IDS, BORDERS)
def test_changes_by_slice_are_those_of_the_whole(now: list[str], cuts: list[int], known: list[str], others: list[int]) -> None:
    rows, before = frame(now, 1), frame(known, 2).with_columns(withdrawn=pl.lit(value=False))
    walked = RowsById(cut(before, others))
    parts = [compute_changes(part, walked.take(last)) for part, last in follow(cut(rows, cuts))]
    assert pl.concat(parts).sort("movie_id").equals(compute_changes(rows, before).sort("movie_id"))


@given(IDS, IDS)
def test_the_newest_row_is_the_changed_one_or_else_the_known_one(known: list[str], changed: list[str]) -> None:
    newest = merge_newest(frame(known, 1), frame(changed, 2))
    assert newest["movie_id"].to_list() == sorted({*known, *changed})
    assert dict(newest.iter_rows()) == dict.fromkeys(known, 1) | dict.fromkeys(changed, 2)


def test_without_changes_the_known_rows_are_the_newest() -> None:
    assert merge_newest(frame(["tt1"], 1), None).equals(frame(["tt1"], 1))


def test_the_newest_rows_have_the_columns_of_both() -> None:
    new = pl.DataFrame({"movie_id": ["tt2"], "y": [3]})
    assert merge_newest(frame(["tt1"], 1), new).rows() == [("tt1", 1, None), ("tt2", None, 3)]


def test_no_slice_at_all_is_not_an_empty_slice() -> None:
    assert RowsById([]).take(None) is None
    assert list(follow([])) == []
