"""Files of another form than IMDb's are refused; blocks, and any bytes, lose no line."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.errors import BadInput
from tasks.core.imdb import blocks
from tasks.core.imdb.files import BASICS
from tasks.core.imdb.parse import TOLERATED_FAULTS
from tests.tasks.core.imdb.parsing import HEADER, ROW, parse


def test_a_byte_order_mark_is_let_pass_before_the_header_only() -> None:
    rows, rejected, _ = parse(BASICS, b"\xef\xbb\xbf" + HEADER.encode() + b"\xef\xbb\xbf" + ROW.encode())
    assert rows == []
    assert rejected[0].reason == "starts with a byte order mark"


def test_a_last_line_without_its_newline_counts() -> None:
    rows, _, _ = parse(BASICS, (HEADER + ROW).encode().removesuffix(b"\n"))
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (HEADER.replace("\truntimeMinutes", ""), "'runtimeMinutes' is missing"),
        (HEADER.replace("genres", "genres\tposter"), "'poster' is not expected"),
        (HEADER.replace("isAdult", "adult"), "'isAdult' is missing; 'adult' is not expected"),
        (HEADER.replace("tconst\ttitleType", "titleType\ttconst"), "out of order: titleType, tconst"),
        (HEADER.replace("genres", "genres\tgenres"), "occurs twice or out of order"),
        (HEADER.replace("\n", "\r\n"), "lines end with CR LF"),
        (HEADER.replace("\t", ","), "'tconst' is missing"),
        ("<!DOCTYPE html>\n", "'<!DOCTYPE html>' is not expected"),
    ],
)
def test_a_header_that_is_not_imdbs(header: str, told: str) -> None:
    with pytest.raises(BadInput, match=r"header|CR LF") as error:
        parse(BASICS, (header + ROW).encode())
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "the file is empty"), (HEADER.encode(), "a header and no rows"), (b"\n", "'tconst' is missing")]
)
def test_a_file_without_rows(content: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse(BASICS, content)


def test_two_files_joined() -> None:
    with pytest.raises(BadInput, match="the header occurs again on line 3"):
        parse(BASICS, (HEADER + ROW + HEADER + ROW).encode())


def test_a_file_whose_format_has_changed_is_refused_at_once() -> None:
    changed = "".join(f"tt{n:07d}\tmovie\tA\tA\tno\t2001\t\\N\t90\tDrama\n" for n in range(TOLERATED_FAULTS + 1))
    with pytest.raises(BadInput, match=r"101 of 101 lines are not rows of title\.basics\.tsv\.gz, such as line 2: isAdult 'no'"):
        parse(BASICS, (HEADER + changed).encode())


def test_a_stream_without_lines_is_not_hoarded() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"\x41" * (1 << 20)

    with pytest.raises(BadInput, match="a line is longer than"):
        parse(BASICS, [HEADER.encode(), *(next(endless()) for _ in range(9))])


def many_rows(numbers: list[int]) -> bytes:
    return (HEADER + "".join(f"tt{n:07d}\tmovie\tFilm {n} é\tA\t0\t2001\t\\N\t90\tDrama\n" for n in numbers)).encode()


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    content = many_rows([*range(3000), 7, *range(3000, 4000), 3999])
    whole = parse(BASICS, content)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    assert parse(BASICS, [content[start : start + 333] for start in range(0, len(content), 333)]) == whole
    assert [one.line for one in whole[1]] == [3002, 4003]
    header_alone = parse(BASICS, [HEADER.encode() + b" " * 0, *([many_rows([1])[len(HEADER.encode()) :]])])
    assert len(header_alone[0]) == 1


def test_a_block_may_end_with_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10)
    assert len(parse(BASICS, [HEADER.encode(), ROW.encode()])[0]) == 1


@given(st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=20))
def test_any_bytes_are_accounted_for(lines: list[bytes]) -> None:
    """No line, whatever it holds, is lost or stops the others."""
    content = HEADER.encode() + b"\n".join(lines) + b"\n" + ROW.encode()
    rows, rejected, skipped = parse(BASICS, content)
    assert len(rows) + len(rejected) + skipped.total() == len(lines) + 1
    assert rows[-1]["movie_id"] == "tt0000401"


@given(
    st.lists(
        st.sampled_from(["1999", "x", "\\N", "", "tt0000001", "movie", "short", "é", '"', "0", "Drama,War"]),
        min_size=9,
        max_size=9,
    )
)
def test_any_fields_are_accounted_for(fields: list[str]) -> None:
    rows, rejected, skipped = parse(BASICS, (HEADER + "\t".join(fields) + "\n" + ROW).encode())
    assert len(rows) + len(rejected) + skipped.total() == 2
