"""Tests the prediction database: movies with their ratings, found by title; equal ratings give equal bytes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import polars as pl
import pytest

from tasks.core.predictions.prediction_database import render_prediction_database

TITLES = {
    "tt0000003": ("Amélie", 7, 2001.0),
    "tt0000001": ("Zwölf Stühle", None, 1970.0),
    "tt0000004": (None, None, None),
    "tt0000002": ("Şəhərin ÉTOILE", 12, 1999.0),
}
AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
ABOUT = {"prediction_set": "abc", "model_version": "3"}

PREDICTIONS = pl.DataFrame(
    {
        "movie_id": list(TITLES),
        "tmdb_id": [tmdb_id for _, tmdb_id, _ in TITLES.values()],
        "title": [title for title, _, _ in TITLES.values()],
        "rating": [7.1235, 6.5, 5.0, 8.25],
        "model_output": [7.123456001281738, 6.5, 5.0, 8.25],
        "features_as_of": pl.Series([AS_OF] * 4).dt.cast_time_unit("us"),
    }
)
VOTES = pl.DataFrame({"movie_id": ["tt0000002", "tt0000003"], "num_votes": [300, 5000]})
YEARS = pl.DataFrame({"movie_id": list(TITLES), "release_year": [year for _, _, year in TITLES.values()], "budget": [1.0] * 4})


@pytest.fixture(scope="module")
def body() -> bytes:
    return render_prediction_database(PREDICTIONS, YEARS, VOTES, ABOUT)


@contextmanager
def opened(body: bytes) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(body)
        yield database


def find(body: bytes, table: str, query: str) -> list[str]:
    with opened(body) as database:
        ids = f"select movie_id from {table} join movie on movie.id = {table}.rowid where {table} match ? order by 1"  # noqa: S608
        return [movie_id for (movie_id,) in database.execute(ids, [query])]


def test_the_movies_stand_in_the_order_of_their_votes(body: bytes) -> None:
    with opened(body) as database:
        movies = database.execute("select * from movie order by id").fetchall()
        about = dict(database.execute("select * from about").fetchall())
    moment = int(AS_OF.timestamp())
    assert movies == [
        (1, "tt0000003", 7, "Amélie", 2001, 7.1235, 7.123456001281738, moment, "amelie"),
        (2, "tt0000002", 12, "Şəhərin ÉTOILE", 1999, 8.25, 8.25, moment, "seherin etoile"),
        (3, "tt0000004", None, None, None, 5.0, 5.0, moment, None),
        (4, "tt0000001", None, "Zwölf Stühle", 1970, 6.5, 6.5, moment, "zwolf stuhle"),
    ]
    assert about == ABOUT | {"format": "2"}


@pytest.mark.parametrize(
    ("table", "query", "found"),
    [
        ("title_words", "amelie", ["tt0000003"]),
        ("title_words", "zwolf stuhle", ["tt0000001"]),
        ("title_words", "a*", ["tt0000003"]),
        ("title_words", "stu*", ["tt0000001"]),
        ("title_words", '^ "zwolf st" *', ["tt0000001"]),
        ("title_words", "melie", []),
        ("title_parts", "mel eli", ["tt0000003"]),
        ("title_parts", '"f s"', ["tt0000001"]),
    ],
)
def test_a_title_is_indexed_by_words_beginnings_and_parts(body: bytes, table: str, query: str, found: list[str]) -> None:
    assert find(body, table, query) == found


def test_the_same_ratings_give_the_same_bytes_in_whatever_order(body: bytes) -> None:
    shuffled = PREDICTIONS.sample(fraction=1, shuffle=True, seed=1)
    assert render_prediction_database(shuffled, YEARS.reverse(), VOTES.reverse(), dict(reversed(ABOUT.items()))) == body
    assert render_prediction_database(PREDICTIONS, YEARS, VOTES, ABOUT | {"model_version": "4"}) != body


def test_the_file_is_sound_and_opens_as_read_only(body: bytes) -> None:
    assert body[18:20] == b"\x01\x01", "a journal beside the file would be asked for"
    with opened(body) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("pragma page_size").fetchone() == (4096,)
        assert database.execute("pragma freelist_count").fetchone() == (0,)
        for table in ("title_words", "title_parts"):
            database.execute(f"insert into {table} ({table}) values ('integrity-check')")  # noqa: S608


def test_a_movie_named_twice_is_refused() -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"movie\.movie_id"):
        render_prediction_database(pl.concat([PREDICTIONS, PREDICTIONS[1]]), YEARS, VOTES, ABOUT)


def test_a_database_may_be_empty() -> None:
    assert find(render_prediction_database(PREDICTIONS.clear(), YEARS, VOTES, ABOUT), "title_words", "amelie") == []
