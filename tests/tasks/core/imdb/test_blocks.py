"""Tests the filter before the parser: it reads the same ids and words from a line as the parser does."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.imdb.blocks import NO_KEY, Block
from tasks.core.imdb.files import BASICS, CREW
from tasks.core.imdb.keys import compute_keys
from tests.tasks.core.imdb.parsing import make_ids, parse

LINES = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
        st.from_regex(rb"\A(tt|nm|TT|t)[0-9]{6,11}(\t(movie|tvMovie|short|tvEpisode|\\\\N|)(\t.?)?)?\Z"),
    ),
    min_size=1,
    max_size=20,
)


@given(LINES)
def test_the_key_is_that_of_the_id_that_the_line_begins_with(lines: list[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    for letters in (b"tt", b"nm"):
        for line, key in zip(lines, Block.index(content, 1).read_keys(letters), strict=True):
            found = re.match(letters + rb"[0-9]{7,10}(?=\t|\Z)", line)
            assert key == (compute_keys(pa.array([found[0].decode()]))[0] if found else NO_KEY)


@given(LINES)
def test_the_word_is_the_beginning_of_the_second_column(lines: list[bytes]) -> None:
    block = Block.index(b"".join(line + b"\n" for line in lines), 1)
    keys = block.read_keys(b"tt")
    for line, key, word in zip(lines, keys, block.read_words(keys), strict=True):
        columns = line.split(b"\t")
        expected = columns[1][:8] if key != NO_KEY and len(columns) > 1 else b""
        assert word == int.from_bytes(expected, "little")


@given(LINES, st.data())
def test_taken_lines_are_the_same_lines(lines: list[bytes], data: st.DataObject) -> None:
    content = b"".join(line + b"\n" for line in lines)
    rows = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1))))
    taken = Block.index(content, 7).take(np.array(rows, np.int64))
    assert taken.content == b"".join(lines[row] + b"\n" for row in rows)
    assert taken.numbers.tolist() == [row + 7 for row in rows]
    assert [taken.content[start:end] for start, end in zip(taken.starts, taken.ends, strict=True)] == [lines[row] for row in rows]


def test_a_skipped_line_may_contain_anything() -> None:
    content = "\t".join(CREW.columns) + "\ntt0000001\tnm0000001\t\\N\ntt0000002\t\x00too\tmany\tcolumns\n"
    rows, rejected, skipped = parse(CREW, content.encode(), make_ids("tt0000001"))
    assert [row["movie_id"] for row in rows] == ["tt0000001"]
    assert (rejected, skipped) == ([], {"of other titles": 1})
    rows, rejected, _ = parse(CREW, content.encode(), make_ids("tt0000001", "tt0000002"))
    assert [one.line for one in rejected] == [3]


def test_titles_are_counted_by_their_whole_type() -> None:
    lines = [f"tt000000{number}\t{kind}\n" for number, kind in enumerate(("tvEpisode", "tvMovies", "short", "tvEpisode"))]
    _, rejected, skipped = parse(BASICS, ("\t".join(BASICS.columns) + "\n" + "".join(lines)).encode())
    assert (rejected, skipped) == ([], {"tvEpisode": 2, "tvMovies": 1, "short": 1})
