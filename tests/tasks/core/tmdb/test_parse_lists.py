"""Tests the parser of TMDB's lists of changes and of its error texts."""

import pytest

from tasks.core.errors import BadInput
from tasks.core.tmdb.parse import is_tmdb_error, parse_changes, parse_message
from tests.tasks.core.tmdb.bodies import CHANGES, HTML, INVALID_KEY, NOT_FOUND


def test_a_page_of_changes() -> None:
    page = parse_changes(CHANGES)
    assert (page.tmdb_ids, page.total_pages) == ((7012345, 7012346, 7012345), 3)


@pytest.mark.parametrize("body", [HTML, b"{}", b'{"results": {}, "total_pages": 1}', b'{"results": [], "total_pages": "many"}'])
def test_a_list_of_changes_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="list of changes"):
        parse_changes(body)


def test_tmdbs_rejections_differ_from_an_intermediarys() -> None:
    assert is_tmdb_error(NOT_FOUND)
    assert is_tmdb_error(INVALID_KEY)
    assert not any(is_tmdb_error(body) for body in (HTML, b"{}", b'{"status_code": "34"}', b"[34]"))
    assert parse_message(INVALID_KEY) == "'Invalid API key: You must be granted a valid key.' (status_code 7)"
    assert parse_message(b'{"status_message": 5}') == repr('{"status_message": 5}')
