"""What a build appends, and the identity of its content."""

import hashlib
from datetime import UTC, datetime

import polars as pl
import pytest

from tasks.core.features import changes as feature_changes
from tasks.core.features.changes import compute_changes, compute_content_hash, compute_restoration


def rows(*movies: tuple[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"movie_id": [f[0] for f in movies], "x": [f[1] for f in movies]}, schema={"movie_id": pl.String, "x": pl.Float64}
    )


def known(*movies: tuple[str, float | None], withdrawn: bool = False) -> pl.DataFrame:
    return rows(*movies).with_columns(withdrawn=pl.lit(withdrawn))


def test_the_first_build_appends_every_row() -> None:
    assert compute_changes(rows(("a", 1), ("b", None)), None).to_dicts() == [
        {"movie_id": "a", "x": 1.0, "withdrawn": False},
        {"movie_id": "b", "x": None, "withdrawn": False},
    ]


def test_the_same_rows_again_append_nothing_nulls_included() -> None:
    assert compute_changes(rows(("a", 1), ("b", None)), known(("a", 1), ("b", None))).is_empty()


def test_only_what_differs_is_appended() -> None:
    changes = compute_changes(rows(("a", 1), ("b", 2), ("c", 3)), known(("a", 1), ("b", None)))
    assert changes["movie_id"].to_list() == ["b", "c"]


def test_a_movie_that_is_gone_is_withdrawn_once() -> None:
    assert compute_changes(rows(("a", 1)), known(("a", 1), ("b", 2))).to_dicts() == [
        {"movie_id": "b", "x": None, "withdrawn": True}
    ]
    gone = pl.concat([known(("a", 1)), known(("b", None), withdrawn=True)])
    assert compute_changes(rows(("a", 1)), gone).is_empty()


def test_a_movie_that_comes_back_is_appended() -> None:
    assert compute_changes(rows(("b", None)), known(("b", None), withdrawn=True))["withdrawn"].to_list() == [False]


def test_a_new_feature_appends_the_rows_that_have_it() -> None:
    changed = compute_changes(rows(("a", 1), ("b", 2)).with_columns(y=pl.Series([3.0, None])), known(("a", 1), ("b", 2)))
    assert changed["movie_id"].to_list() == ["a"]


def test_the_content_hash_knows_values_and_names_but_not_order() -> None:
    content = compute_content_hash(rows(("a", 1), ("b", None)))
    assert content == compute_content_hash(rows(("b", None), ("a", 1)))
    assert content != compute_content_hash(rows(("a", 1), ("b", 0)))
    assert content != compute_content_hash(rows(("a", 1), ("b", None)).rename({"x": "y"}))


def test_the_content_hash_is_that_of_the_rows_as_one_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feature sets of older releases keep their names; the slices that are hashed do not show."""
    whole = "movie_id,x\na,1.000000\nb,null\nc,2.500000\n"
    for slice_rows in (1, 2, 3, 50_000):
        monkeypatch.setattr(feature_changes, "ROWS_PER_SLICE", slice_rows)
        content = compute_content_hash(pl.DataFrame({"movie_id": ["c", "a", "b"], "x": [2.5, 1.0, None]}))
        assert content == hashlib.sha256(whole.encode()).hexdigest()
    empty = compute_content_hash(pl.DataFrame(schema={"movie_id": pl.String}))
    assert empty == hashlib.sha256(b"movie_id\n").hexdigest()


def test_the_day_after_an_earlier_build_gets_back_the_rows_that_it_would_inherit() -> None:
    day, before = datetime(2026, 11, 26, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    changes = pl.concat([known(("changed", 2), ("new", 3), ("own row", 4)), known(("gone", None), withdrawn=True)])
    later = known(("changed", 1), ("gone", 5), ("own row", 6), ("other", 7)).with_columns(
        event_timestamp=pl.Series([before, before, day, before])
    )
    assert compute_restoration(changes.with_columns(y=pl.lit(8.0)), later, day).to_dicts() == [
        {"movie_id": "changed", "x": 1.0, "withdrawn": False, "y": None},
        {"movie_id": "gone", "x": 5.0, "withdrawn": False, "y": None},
        {"movie_id": "new", "x": None, "withdrawn": True, "y": None},
    ]


def test_a_movie_that_no_later_day_knew_and_that_is_withdrawn_needs_no_row() -> None:
    day = datetime(2026, 11, 26, tzinfo=UTC)
    nothing = known().with_columns(event_timestamp=pl.Series([], dtype=pl.Datetime("us", "UTC")))
    assert compute_restoration(known(("gone", None), withdrawn=True), nothing, day).is_empty()
