"""Any text may be searched for, in the files of this release and of the one before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.requested_id import RequestedId
from serving.prediction_set.database import PredictionDatabase
from serving.prediction_set.fetch_child import check_database
from tests.serving.prediction_set.factories import ABOUT, AS_OF, Movie, build, digest_of

MOVIES = [
    Movie("tt0000001", "The Matrix", 1999, 603, votes=9),
    Movie("tt0000002", "$", 1971),
    Movie("tt0000003", "千と千尋の神隠し"),
]
EARLIER = """
create table about (key text primary key, value text not null);
create table film (
    id integer primary key, movie_id text not null unique, tmdb_id integer unique, title text, year integer,
    rating real not null, model_output real not null, features_as_of integer not null
);
create virtual table title_search using fts5(
    title, content='film', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
"""


def build_as_before(path: Path, movies: list[Movie]) -> str:
    """Write a database as the release before wrote it, and return its sha256."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(EARLIER)
        with conn:
            conn.executemany("insert into about values (?, ?)", ABOUT.items())
            for number, movie in enumerate(movies, 1):
                values = (number, movie.movie_id, movie.tmdb_id, movie.title, movie.year, 7.1234, movie.model_output, AS_OF)
                conn.execute("insert into film values (?, ?, ?, ?, ?, ?, ?, ?)", values)
            conn.execute("insert into title_search (title_search) values ('rebuild')")
    return digest_of(path)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictionDatabase]:
    path = tmp_path_factory.mktemp("earlier") / "c.sqlite"
    sha256 = build_as_before(path, MOVIES)
    check_database(path, sha256)
    with closing(PredictionDatabase.open(path, sha256)) as database:
        yield database


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictionDatabase]:
    path = tmp_path_factory.mktemp("current") / "c.sqlite"
    with closing(PredictionDatabase.open(path, build(path, MOVIES))) as database:
        yield database


def test_a_file_of_the_release_before_is_read_and_searched_by_words(earlier: PredictionDatabase) -> None:
    assert earlier.metadata.movies == 3
    assert earlier.sample_ids(3) == ["tt0000001", "tt0000002", "tt0000003"]
    found = earlier.find(RequestedId(tmdb_id=603))
    assert found is not None
    assert earlier.search("matr", 5) == [found]
    assert earlier.search("  !!! ", 5) == []


TEXTS = st.text() | st.text(alphabet="\"*^:(){}+-\\'.,AND ORNEAR\0\ud800é千$", max_size=40)


@given(TEXTS)
def test_no_text_is_an_error(current: PredictionDatabase, text: str) -> None:
    assert len(current.search(text, 5)) <= 3


@given(TEXTS)
def test_no_text_is_an_error_for_a_file_of_the_release_before(earlier: PredictionDatabase, text: str) -> None:
    assert len(earlier.search(text, 5)) <= 3


def test_a_long_text_is_cut(current: PredictionDatabase) -> None:
    assert current.search("the matrix" + " " * 300 + "unknown", 5)[0].title == "The Matrix"
    assert current.search("x" * 100_000, 5) == []
