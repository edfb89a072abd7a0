"""A feature set in short: the same for the same rows, however they are cut."""

from datetime import UTC, datetime

import polars as pl

from tasks.core.features.changes import compute_content_hash
from tasks.core.features.content import SAMPLE, TIMES, describe_content

MOVIES = 1_200
BUILT = datetime(2026, 11, 27, tzinfo=UTC)


def rows(built: datetime = BUILT) -> pl.DataFrame:
    ids = [f"tt{number:07d}" for number in range(MOVIES)]
    tmdb_ids = [number if number % 3 else None for number in range(MOVIES)]
    return pl.DataFrame({"movie_id": ids, "tmdb_id": tmdb_ids, "x": range(MOVIES), **dict.fromkeys(TIMES, built)})


def test_movies_and_keys_are_counted_over_all_slices() -> None:
    content = describe_content(rows().iter_slices(500))
    assert (content.movies, content.keys) == (MOVIES, MOVIES + MOVIES * 2 // 3)


def test_the_hash_depends_on_neither_the_slices_nor_the_times() -> None:
    whole = describe_content([rows()])
    assert describe_content(rows(datetime(2026, 1, 1, tzinfo=UTC)).iter_slices(7)).sha256 == whole.sha256
    assert whole.sha256 == compute_content_hash(rows().drop(TIMES))


def test_the_sample_is_of_all_slices_in_order_and_the_same_again() -> None:
    sample, again = (describe_content(rows().iter_slices(400)).sample for _ in range(2))
    assert sample.height == SAMPLE
    assert sample["movie_id"].is_sorted()
    assert {number // 400 for number in sample["x"]} == {0, 1, 2}
    assert sample.equals(again)


def test_without_rows_there_is_nothing() -> None:
    content = describe_content([])
    assert (content.movies, content.keys, content.sample.height) == (0, 0, 0)
