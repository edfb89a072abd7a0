"""Tests prediction databases on disk: movies by id and by title; other files are rejected."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from serving.core.errors import NoPredictionSet
from serving.core.requested_id import MAX_TMDB_ID, RequestedId
from serving.prediction_set.database import SEARCH_SECONDS, PredictionDatabase
from serving.prediction_set.metadata import PredictionSetRejected
from tests.serving.prediction_set.factories import ABOUT, Clock, Movie, build, digest_of

DAY = date(2026, 11, 22)
MOVIES = [
    Movie("tt0000001", "The Matrix", 1999, 603, votes=2_000_000),
    Movie("tt0000002", "The Matrix", 2031, 604, votes=3),
    Movie("tt0000003", "The Matrix", None),
    Movie("tt0000004", "Making The Matrix Reloaded", 2004, votes=900),
    Movie("tt0000005", "Matrix", 1993, votes=50),
    Movie("tt0000006", "Le fabuleux destin d'Amélie Poulain", 2001, 194, votes=800_000),
    Movie("tt0000007", "Spider-Man: No Way Home", 2021, votes=900_000),
    Movie("tt0000008", "It", 2017, votes=600_000),
    Movie("tt0000009", "The Italian Job", 2003, votes=400_000),
    Movie("tt0000010", None, 2020),
    Movie("tt0000011", "千と千尋の神隠し", 2001, votes=900_000),
    Movie("tt0000012", 'Say "Anything"', 1989, votes=90_000),
    Movie("tt0000013", "It It It It", 2020, votes=10),
    Movie("tt0000014", "Ice Breaker", 2018, votes=70),
    Movie("tt0000015", "Breaker Morant", 1980, votes=14_000),
    Movie("tt0000016", "Breaker! Breaker!", 1977, votes=2_600),
    Movie("tt0000017", "The Heartbreakers", 1983, votes=500),
    Movie("tt0000018", "$", 1971, votes=3_500),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictionDatabase]:
    path = tmp_path_factory.mktemp("database") / "a database?#%.sqlite"
    opened = PredictionDatabase.open(path, build(path, MOVIES))
    yield opened
    opened.close()


def find(database: PredictionDatabase, text: str, limit: int = 20) -> list[str]:
    return [movie.movie_id[-2:].lstrip("0") for movie in database.search(text, limit)]


def test_the_metadata_name_the_model_and_features(database: PredictionDatabase) -> None:
    about = database.metadata
    assert {name: getattr(about, name) for name in ABOUT} == ABOUT
    assert about.movies == len(MOVIES)


def test_a_movie_is_found_by_either_id(database: PredictionDatabase) -> None:
    movie = database.find(RequestedId(movie_id="tt0000006"))
    assert movie is not None
    assert movie == database.find(RequestedId(tmdb_id=194))
    assert (movie.movie_id, movie.tmdb_id, movie.title, movie.year) == ("tt0000006", 194, MOVIES[5].title, 2001)
    assert (movie.rating, movie.model_output) == (7.1234, 7.123449)
    assert movie.features_as_of == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "requested_id", [RequestedId(movie_id="tt9999999"), RequestedId(tmdb_id=1), RequestedId(tmdb_id=MAX_TMDB_ID)]
)
def test_an_unknown_movie_has_no_prediction(database: PredictionDatabase, requested_id: RequestedId) -> None:
    assert database.find(requested_id) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("breaker", ["15", "16", "14", "17"]),  # starts with it, has it as a word, contains it
        ("breaker breaker", ["16", "15", "14"]),
        ("the matrix", ["1", "2", "3", "4"]),  # exact titles by their votes, then others
        ("MATRIX", ["5", "1", "4", "2", "3"]),
        ("matri", ["5", "1", "4", "2", "3"]),
        ("reloaded matrix", ["4"]),
        ("amelie", ["6"]),
        ("d'amélie poul", ["6"]),
        ("abuleu", ["6"]),
        ("spider man", ["7"]),
        ("spiderman", []),
        ("spider-ma", ["7"]),
        ("it", ["8", "13", "9"]),
        ("i", ["8", "14", "13", "9"]),
        ("千と", ["11"]),
        ("神隠", ["11"]),
        ('"anything', ["12"]),
        ("matrix OR it", []),
        ("matrix -reloaded", ["4"]),
        ("title:matrix", []),
        ("matrix !!!", ["5", "1", "4", "2", "3"]),
        ("$", ["18"]),
        ("!!!", []),
        ("", []),
        ("tt0000001", []),
    ],
)
def test_titles_are_searched(database: PredictionDatabase, text: str, expected: list[str]) -> None:
    assert find(database, text) == expected


def test_the_limit_holds(database: PredictionDatabase) -> None:
    assert find(database, "the matrix", 1) == ["1"]
    assert find(database, "the matrix", 0) == []


def test_a_search_that_takes_too_long_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.sqlite"
    sha256 = build(path, [Movie(f"tt{number:07d}", f"The Film {number}", 2000) for number in range(20_000)])
    large = PredictionDatabase.open(path, sha256)
    stopped, running = Clock(0), Clock(SEARCH_SECONDS / 10)
    monkeypatch.setattr("serving.prediction_set.database.time", stopped)
    assert len(large.search("the film", 5000)) == 5000
    assert [movie.title for movie in large.search("e film 9999", 5)] == ["The Film 9999"]
    monkeypatch.setattr("serving.prediction_set.database.time", running)
    assert 0 < len(large.search("the film", 5000)) < 5000
    assert stopped.looks > 5 * running.looks
    large.close()
    assert SEARCH_SECONDS < 0.05


def test_a_file_with_another_digest_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    sha256 = build(path, MOVIES)
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    with pytest.raises(PredictionSetRejected, match="the file has sha256"):
        PredictionDatabase.open(path, sha256)


def damage(path: Path, statement: str) -> str:
    conn = sqlite3.connect(path)
    conn.executescript(statement)
    conn.close()
    return digest_of(path)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("delete from about where key in ('feature_set', 'model_version')", "lacks model_version, feature_set"),
        ("delete from movie", "no movie"),
        ("drop table title_words", "no such table: title_words"),
        ("drop table title_parts", "no such table: title_parts"),
        ("drop table movie", "no such table"),
        ("alter table movie drop column rating", "no such column: movie.rating"),
        ("update about set value = '3' where key = 'format'", "its format is 3, and this release reads 2 and earlier ones"),
        ("drop table about", "no such table: about"),
    ],
)
def test_what_is_not_a_prediction_database_is_rejected(tmp_path: Path, statement: str, reason: str) -> None:
    path = tmp_path / "c.sqlite"
    build(path, MOVIES)
    with pytest.raises(PredictionSetRejected, match=reason):
        PredictionDatabase.open(path, damage(path, statement))


@pytest.mark.parametrize("body", [b"", b"not a database, " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_rejected(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(body)
    with pytest.raises(PredictionSetRejected, match="it is not a prediction database"):
        PredictionDatabase.open(path, digest_of(path))


def test_it_cannot_be_written(database: PredictionDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database._connection.execute("delete from movie")


@pytest.mark.parametrize("ask", [lambda c: c.find(RequestedId(movie_id="tt0000001")), lambda c: c.search("matrix", 3)])
def test_a_file_damaged_while_open_is_an_error_and_not_a_crash(
    tmp_path: Path, ask: Callable[[PredictionDatabase], object]
) -> None:
    path = tmp_path / "c.sqlite"
    broken = PredictionDatabase.open(path, build(path, MOVIES))
    broken.close()
    broken._connection = sqlite3.connect(":memory:")
    with pytest.raises(NoPredictionSet):
        ask(broken)
    broken.close()
