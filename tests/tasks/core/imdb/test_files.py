"""Tests the selection of files to load when some have changed."""

import pytest

from tasks.core.imdb.files import BASICS, CREW, FILES, NAMES, PRINCIPALS, RATINGS, SourceFile, find_files_to_load


@pytest.mark.parametrize(
    ("changed", "loaded"),
    [
        ((), ()),
        ((RATINGS,), (RATINGS,)),
        ((NAMES,), (NAMES,)),
        ((CREW,), (CREW, NAMES)),
        ((PRINCIPALS, RATINGS), (RATINGS, PRINCIPALS, NAMES)),
        ((BASICS,), FILES),
    ],
)
def test_a_file_is_loaded_with_those_that_need_its_ids(changed: tuple[SourceFile, ...], loaded: tuple[SourceFile, ...]) -> None:
    assert find_files_to_load([file.name for file in changed]) == loaded


def test_a_file_gives_the_ids_that_the_files_which_need_it_begin_with() -> None:
    for file in FILES:
        for other in FILES:
            if other.table in file.needs:
                assert other.gives_letters == file.letters
