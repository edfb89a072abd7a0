"""TMDB's movies after several batches, as the database's table holds them."""

from datetime import date

import pytest

from tasks.core.errors import BadInput
from tasks.core.tmdb.batch import Answer, compute_batch_rows, render_batch
from tasks.core.tmdb.past_answers import PastAnswers, parse_batch
from tests.tasks.core.tmdb.bodies import NOT_FOUND, with_fields

DAY = date(2026, 11, 22)
A, B, C = "tt70000001", "tt70000002", "tt70000003"


def found(movie_id: str, tmdb_id: int, title: str = "A title") -> Answer:
    return Answer(movie_id, 200, with_fields(id=tmdb_id, imdb_id=movie_id, title=title))


def absent(movie_id: str) -> Answer:
    return Answer(movie_id, 404, NOT_FOUND)


def after(*batches: list[Answer]) -> dict[str, tuple[int, str]]:
    """TMDB id and title of each movie, after these batches."""
    answers = PastAnswers()
    for number, batch in enumerate(batches):
        answers.add(compute_batch_rows(batch, f"raw/tmdb/{number}.parquet", DAY))
    return {row["movie_id"]: (row["tmdb_id"], row["title"]) for row in answers.read_movies().to_pylist()}


def test_a_batch_is_read_as_it_was_written() -> None:
    batch = [found(A, 1), absent(B)]
    assert parse_batch(render_batch(batch)) == batch


@pytest.mark.parametrize("body", [b"", b"not Parquet", render_batch([found(A, 1)])[:-9]])
def test_invalid_batches_are_rejected(body: bytes) -> None:
    with pytest.raises(BadInput, match="not a batch of TMDB's answers"):
        parse_batch(body)


def test_before_any_batch_no_movie_is_known() -> None:
    assert after() == {}


def test_a_later_answer_replaces_an_earlier_one_and_absent_movies_are_removed() -> None:
    assert after([found(A, 1, "old"), found(B, 2), found(C, 3)], [found(A, 1, "new"), absent(B), absent("tt70000009")]) == {
        A: (1, "new"),
        C: (3, "A title"),
    }


def test_what_was_asked_for_stays_so_whatever_was_answered() -> None:
    answers = PastAnswers()
    assert answers.read_asked()["movie_id"].to_list() == []
    for batch in ([found(B, 2), absent(A)], [absent(B), found(C, 3)]):
        answers.add(compute_batch_rows(batch, "raw/tmdb/0.parquet", DAY))
    assert answers.read_asked()["movie_id"].to_list() == [A, B, C]


def test_a_tmdb_id_that_moved_to_another_movie_takes_the_row_of_the_first_one() -> None:
    assert after([found(A, 1), found(B, 2)], [found(C, 1)]) == {B: (2, "A title"), C: (1, "A title")}
    assert after([found(A, 1)], [found(B, 1)], [found(B, 2)]) == {B: (2, "A title")}, "A does not come back by itself"
    assert after([found(A, 1), found(B, 2)], [found(A, 2), found(B, 1)]) == {A: (2, "A title"), B: (1, "A title")}
