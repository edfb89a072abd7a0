"""The list of changed movies, page by page."""

from datetime import timedelta

import pytest

from infra.sources.faults import Fault
from tasks.core.errors import BadInput, Unavailable
from tests.tasks.io.tmdb.source import CHANGES_DAY, Start

pytestmark = pytest.mark.integration


def test_changes_of_forty_days_come_once_each(start: Start) -> None:
    source = start()
    end = CHANGES_DAY + timedelta(days=39)
    assert source.tmdb.fetch_changes(CHANGES_DAY, end) == list(range(1000, 1450))
    assert source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY) == [1000 + n for n in range(0, 450, 40)]
    assert source.tmdb.fetch_changes(end + timedelta(days=1), end + timedelta(days=2)) == []


def page(ids: list[int], total: int) -> Fault:
    results = ",".join(f'{{"id": {one}}}' for one in ids)
    return Fault(200, f'{{"results": [{results}], "page": 1, "total_pages": {total}}}'.encode())


def test_a_list_that_grows_and_shrinks_while_it_is_read(start: Start) -> None:
    source = start({"/3/movie/changes": [page([1, 2], 2), page([2, 3], 4), page([4], 4), page([1], 3)]})
    assert source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY) == [1, 2, 3, 4]
    assert len(source.app.paths_requested) == 4


def test_a_list_longer_than_tmdb_gives_is_asked_for_in_halves(start: Start) -> None:
    source = start({"/3/movie/changes": [page([1], 501), page([2], 1), page([3], 1)]})
    assert source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY + timedelta(days=3)) == [2, 3]
    assert len(source.app.paths_requested) == 3


def test_a_page_that_never_comes_fails_the_run(start: Start) -> None:
    source = start({"/3/movie/changes": [page([1], 2), *[Fault(500)] * 5]})
    with pytest.raises(Unavailable, match="does not give page 2 of the changes"):
        source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY)
    refused = start({"/3/movie/changes": [Fault(422, b'{"status_code": 20, "status_message": "Invalid date range"}')]})
    with pytest.raises(Unavailable, match="Invalid date range"):
        refused.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY)
    strange = start({"/3/movie/changes": [Fault(200, b"{}")]})
    with pytest.raises(BadInput):
        strange.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY)
