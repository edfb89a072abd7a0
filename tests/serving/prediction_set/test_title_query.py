"""What people type, as FTS5 takes it: never an error, never syntax."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.prediction_set.title_query import MAX_WORDS, fold, match_exactly, match_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the matrix", '"the" "matrix"*'),
        ("  spider-man  ", '"spider-man"*'),
        ('say "hi" NOT bye', '"say" """hi""" "NOT" "bye"*'),
        ("title:x AND y", '"title:x" "AND" "y"'),
        ("M", '"M"'),
        ("千", '"千"*'),
        ("a\0b\ud800c", '"a" "b" "c"'),
        ("", ""),
        (" \t\n\u3000", ""),
    ],
)
def test_words_are_quoted(text: str, expected: str) -> None:
    assert match_words(text) == expected


def test_a_long_text_is_cut() -> None:
    assert match_words("word " * 1000).count(" ") == MAX_WORDS - 1
    assert len(match_words("x" * 10_000)) < 300


@pytest.mark.parametrize(("one", "other"), [("Amélie", "AMELIE"), ("WALL·E", "wall e"), ("Łódź!", "łódz"), ("  It ", "it")])
def test_titles_are_compared_without_case_marks_and_punctuation(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.execute("create virtual table t using fts5(title, tokenize='unicode61 remove_diacritics 2', prefix='2 3')")
    conn.execute("insert into t values ('The Matrix')")
    yield conn
    conn.close()


@given(st.text() | st.text(alphabet="\"*^:(){}+-\\'.,AND ORNEAR\0\ud800é", max_size=40))
def test_no_text_is_an_error(index: sqlite3.Connection, text: str) -> None:
    if not match_words(text):
        return
    for match in (match_words(text), match_exactly(text)):
        index.execute("select rowid from t where t match ? order by rank", (match,)).fetchall()
