"""Batches: equal answers give equal bytes; each answer has one row in the ledger."""

import io
from collections import Counter
from datetime import date

import pyarrow.parquet as pq
import pytest

from tasks.core.errors import BadInput
from tasks.core.tmdb.batch import MOVIE as MOVIE_SCHEMA
from tasks.core.tmdb.batch import TOLERATED_REJECTS, Answer, compute_batch_rows, render_batch
from tests.tasks.core.tmdb.bodies import HTML, MOVIE, MOVIE_ID, NOT_FOUND, with_fields

DAY = date(2026, 11, 22)
ANSWERS = [
    Answer(MOVIE_ID, 200, MOVIE),
    Answer("tt70000043", 404, NOT_FOUND),
    Answer("tt70000044", 200, MOVIE),
    Answer("tt70000045", 200, with_fields(id=9, imdb_id="tt70000045", budget="?", runtime=-1)),
    Answer("tt70000046", 200, with_fields(id=9, imdb_id="tt70000046")),
    Answer("tt70000047", 404, HTML),
    Answer("tt70000048", 422, b'{"status_code": 5, "status_message": "Invalid parameters"}'),
]


def test_a_batch_holds_the_bytes_in_the_order_of_the_requests() -> None:
    table = pq.read_table(io.BytesIO(render_batch(ANSWERS)))
    assert table.to_pylist() == [{"movie_id": a.movie_id, "status": a.status, "body": a.body} for a in ANSWERS]
    assert str(table.schema.field("status").type) == "int16"


def test_equal_answers_give_equal_bytes() -> None:
    assert render_batch(ANSWERS) == render_batch(list(ANSWERS))
    assert render_batch(ANSWERS) != render_batch(ANSWERS[::-1])


def test_every_answer_has_one_row_in_the_ledger() -> None:
    rows = compute_batch_rows(ANSWERS, "raw/tmdb/x.parquet", DAY)
    requests = rows.requests.to_pylist()
    assert [(one["movie_id"], one["outcome"], one["tmdb_id"], one["status"]) for one in requests] == [
        (MOVIE_ID, "found", 7012345, 200),
        ("tt70000043", "absent", None, 404),
        ("tt70000044", "quarantined", None, 200),
        ("tt70000045", "found", 9, 200),
        ("tt70000046", "quarantined", None, 200),
        ("tt70000047", "quarantined", None, 404),
        ("tt70000048", "quarantined", None, 422),
    ]
    assert [one["raw_row"] for one in requests] == list(range(7))
    assert {(one["raw_key"], one["requested_on"]) for one in requests} == {("raw/tmdb/x.parquet", DAY)}
    assert rows.outcomes == {"found": 2, "absent": 1, "quarantined": 4}
    assert rows.dropped == Counter(budget=1, runtime=1)


def test_found_movies_lead_to_their_bytes() -> None:
    movies = compute_batch_rows(ANSWERS, "raw/tmdb/x.parquet", DAY).movies
    assert movies.column_names == [*MOVIE_SCHEMA.names, "raw_key", "raw_row"]
    assert [(one["movie_id"], one["raw_row"]) for one in movies.to_pylist()] == [(MOVIE_ID, 0), ("tt70000045", 3)]


def test_quarantined_answers_have_their_reason() -> None:
    rows = compute_batch_rows(ANSWERS, "raw/tmdb/x.parquet", DAY).quarantine.to_pylist()
    assert [(one["source"], one["line"], one["seen_on"]) for one in rows] == [("tmdb", line, DAY) for line in (2, 4, 5, 6)]
    reasons = [one["reason"] for one in rows]
    assert "tt70000044 was asked" in reasons[0]
    assert reasons[1] == "TMDB 9 is tt70000045 in the same batch"
    assert reasons[2].startswith("answered 404: '<!DOCTYPE html>")
    assert reasons[3] == "answered 422: 'Invalid parameters' (status_code 5)"
    assert rows[2]["record"] == HTML.decode()


def test_an_empty_outcome_keeps_the_columns() -> None:
    rows = compute_batch_rows([Answer("tt70000043", 404, NOT_FOUND)], "k", DAY)
    assert (rows.movies.num_rows, rows.quarantine.num_rows, rows.requests.num_rows) == (0, 0, 1)


def test_bytes_that_are_not_text_are_shown_and_cut() -> None:
    record = compute_batch_rows([Answer(MOVIE_ID, 200, b"\xff\x00" * 5000)], "k", DAY).quarantine.to_pylist()[0]["record"]
    assert "\0" not in record
    assert len(record) == 2000


def test_a_batch_of_an_intermediarys_pages_is_rejected() -> None:
    def pages(count: int) -> list[Answer]:
        return [Answer(f"tt7{n:07}", 200, HTML) for n in range(count)]

    assert compute_batch_rows(pages(TOLERATED_REJECTS), "k", DAY).quarantine.num_rows == TOLERATED_REJECTS
    with pytest.raises(BadInput, match=r"21 of 21 answers are not TMDB's; the first: not JSON .* see k"):
        compute_batch_rows(pages(TOLERATED_REJECTS + 1), "k", DAY)
    absent = [Answer(f"tt8{n:07}", 404, NOT_FOUND) for n in range(30)]
    assert compute_batch_rows(pages(TOLERATED_REJECTS + 1) + absent, "k", DAY).requests.num_rows == 51
