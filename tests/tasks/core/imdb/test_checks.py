"""Tests the conditions under which a new file may replace the current one."""

import pytest

from tasks.core.errors import BadInput
from tasks.core.imdb.checks import Counts, check_newer, check_volume

OLD, NEW = "Sat, 21 Nov 2026 02:50:48 GMT", "Sun, 22 Nov 2026 02:50:48 GMT"


def test_half_the_rows_are_enough_and_less_are_not() -> None:
    check_volume("f", Counts(50, 10), Counts(100, 20))
    for new in (Counts(49, 1000), Counts(50, 9, 1000)):
        with pytest.raises(BadInput, match=r"f has \d+ rows to load and .*, the current file has 100 and 20; .* name = 'f'"):
            check_volume("f", new, Counts(100, 20))


def test_rows_that_an_older_release_loaded_are_not_missed() -> None:
    check_volume("f", Counts(10, 90), Counts(100))
    with pytest.raises(BadInput):
        check_volume("f", Counts(10, 39), Counts(100))


@pytest.mark.parametrize(("new", "current"), [(NEW, OLD), (NEW, NEW), (None, OLD), (NEW, None), ("yesterday", OLD)])
def test_a_file_that_is_not_known_to_be_older_passes(new: str | None, current: str | None) -> None:
    check_newer("f", new, current)


def test_an_older_file_is_refused() -> None:
    with pytest.raises(BadInput, match=f"f is of {OLD}, older than the current file of {NEW}; .* where name = 'f'"):
        check_newer("f", OLD, NEW)


def test_counts_add_up() -> None:
    assert Counts(1, 2, 3).lines == 6
