"""IMDb's files parsed: what is loaded, what is skipped, and why each other line is rejected."""

import tarfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.errors import BadInput
from tasks.core.imdb import lines as imdb_lines
from tasks.core.imdb.files import BASICS, CREW, FILES, NAMES, PRINCIPALS, RATINGS, SourceFile
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.keys import Keys, SeenKeys
from tasks.core.imdb.lines import Rejected
from tasks.core.imdb.parse import TOLERATED_FAULTS, parse_file

SAMPLES = Path(__file__).parents[3] / "samples" / "imdb"
REAL = Path(__file__).parents[5] / "shared" / "data"
HEADER = "\t".join(BASICS.columns) + "\n"
ROW = "tt0000401\tmovie\tA\tA\t0\t2001\t\\N\t90\tDrama\n"


def sample(file: SourceFile, faults: bool = False) -> bytes:
    return (SAMPLES / file.name.replace(".tsv.gz", ".faults.tsv" if faults else ".tsv")).read_bytes()


def parse(
    file: SourceFile, content: bytes | list[bytes], others: SeenKeys | None = None
) -> tuple[list[dict[str, Any]], list[Rejected], Counter[str], list[Keys]]:
    rows, rejected, skipped, other_titles = [], [], Counter[str](), []
    for parsed in parse_file(file, [content] if isinstance(content, bytes) else content, others):
        assert parsed.lines == parsed.rows.num_rows + len(parsed.rejected) + parsed.skipped.total()
        rows += parsed.rows.to_pylist()
        rejected += parsed.rejected
        skipped += parsed.skipped
        other_titles.append(parsed.others)
    return rows, rejected, skipped, other_titles


def test_movies() -> None:
    rows, rejected, skipped, _ = parse(BASICS, sample(BASICS))
    assert rejected == []
    assert skipped == {"tvEpisode": 1, "short": 1, "tvSeries": 1}
    assert [row["movie_id"] for row in rows] == [
        *("tt0000101", "tt0000102", "tt0000103", "tt0000106", "tt10000001", "tt1000000001"),
    ]
    assert rows[1]["primary_title"] == '"Quoted" and a stray " here'
    assert rows[3] == {
        "movie_id": "tt0000106",
        "title_type": "movie",
        "primary_title": "海辺の灯",
        "original_title": "海辺の灯",
        "is_adult": False,
        "start_year": None,
        "end_year": None,
        "runtime_minutes": None,
        "genres": [],
    }
    assert rows[4]["original_title"] is None
    assert rows[4]["is_adult"] is True
    assert rows[5]["genres"] == ["Documentary", '"Odd"', "Back\\slash"]
    assert rows[5]["runtime_minutes"] == 51420


def test_ratings_of_every_title_type() -> None:
    rows, rejected, skipped, _ = parse(RATINGS, sample(RATINGS))
    assert [(row["movie_id"], row["average_rating"], row["num_votes"]) for row in rows] == [
        ("tt0000101", Decimal("7.1"), 1204),
        ("tt0000103", Decimal("1.0"), 5),
        ("tt0000104", Decimal("10.0"), 2147483647),
        ("tt0009999", Decimal("10.0"), 0),
        ("tt1000000001", Decimal("8.0"), 77),
    ]
    assert not rejected
    assert not skipped.total()


def test_crew_and_credits_of_other_titles_are_skipped() -> None:
    others = SeenKeys()
    for keys in parse(BASICS, sample(BASICS))[3]:
        others.add(keys)
    rows, rejected, skipped, _ = parse(CREW, sample(CREW), others)
    assert [row["movie_id"] for row in rows] == ["tt0000101", "tt0000103", "tt0000999"]  # title.basics does not say what 999 is
    assert rows[0] == {"movie_id": "tt0000101", "directors": ["nm0000011"], "writers": ["nm0000011", "nm0000012"]}
    assert rows[1] == {"movie_id": "tt0000103", "directors": [], "writers": []}
    assert (rejected, skipped.total()) == ([], 1)
    rows, rejected, skipped, _ = parse(PRINCIPALS, sample(PRINCIPALS), others)
    assert [(row["movie_id"], row["ordering"]) for row in rows] == [
        *(("tt0000101", 1), ("tt0000101", 2), ("tt0000101", 10), ("tt0000103", 1)),
    ]
    assert rows[1]["characters"] == '["Mara \\"M\\" Quill","Narrator"]'
    assert rows[2]["job"] == 'novel "Lamps"'
    assert (rejected, skipped.total()) == ([], 1)


def test_people() -> None:
    rows, rejected, _, _ = parse(NAMES, sample(NAMES))
    assert rejected == []
    assert rows[0]["known_for"] == ["tt0000101", "tt0000102"]
    assert rows[1] == {
        "person_id": "nm0000012",
        "name": 'Björn O\'Tar "Bo"',
        "birth_year": None,
        "death_year": None,
        "professions": [],
        "known_for": [],
    }
    assert (rows[2]["birth_year"], rows[2]["death_year"]) == (43, 112)


BASICS_FAULTS = {
    3: "has 5 columns, not 9",
    4: "has 10 columns, not 9",
    5: "has 1 columns, not 9",
    6: "tconst 'tt123': it must be a title id: tt and 7 to 10 digits",
    7: "tconst 'tt12345678901': it must be a title id: tt and 7 to 10 digits",
    8: "tconst 'nm0000001': it must be a title id: tt and 7 to 10 digits",
    9: "tconst is missing: it must be a title id: tt and 7 to 10 digits",
    10: "tconst 'tt０００００１１': it must be a title id: tt and 7 to 10 digits",  # noqa: RUF001
    11: "tconst came on an earlier line: the first one is kept",
    12: "titleType is missing: it must be a text",
    13: "primaryTitle is missing: it must be a text",
    14: "isAdult '2001': it must be 0 or 1",
    24: "tconst came on an earlier line: the first one is kept",
}
RATING = "it must be a rating from 1.0 to 10.0 with one decimal"
VOTES = "it must be a number of votes from 0 to 2147483647"
RATINGS_FAULTS = {
    3: f"averageRating '0.9': {RATING}",
    4: f"averageRating '10.1': {RATING}",
    5: f"averageRating 'NaN': {RATING}",
    6: f"averageRating '8,1': {RATING}",
    7: f"averageRating '0': {RATING}",
    8: f"averageRating '8.15': {RATING}",
    9: f"averageRating is missing: {RATING}",
    10: f"numVotes '-1': {VOTES}",
    11: f"numVotes '2147483648': {VOTES}",
    12: f"numVotes '99999999999999999999': {VOTES}",
    13: f"numVotes '1e3': {VOTES}",
    14: f"numVotes is missing: {VOTES}",
    15: f"averageRating ' 5.5': {RATING}",
    16: "tconst came on an earlier line: the first one is kept",
}
CREW_FAULTS = {
    6: "tconst came on an earlier line: the first one is kept",
}
PLACE = "it must be a position from 1 to 9999"
PRINCIPALS_FAULTS = {
    3: "tconst and ordering came on an earlier line: the first one is kept",
    4: f"ordering '0': {PLACE}",
    5: f"ordering '10000': {PLACE}",
    6: f"ordering 'two': {PLACE}",
    7: "nconst is missing: it must be a person id: nm and 7 to 10 digits",
    8: "category is missing: it must be a text",
}
NAMES_FAULTS = {
    2: "primaryName is missing: it must be a text",
    7: "nconst came on an earlier line: the first one is kept",
}


@pytest.mark.parametrize(
    ("file", "faults", "loaded", "skipped"),
    [
        (BASICS, BASICS_FAULTS, 9, 1),
        (RATINGS, RATINGS_FAULTS, 1, 0),
        (CREW, CREW_FAULTS, 4, 0),
        (PRINCIPALS, PRINCIPALS_FAULTS, 1, 0),
        (NAMES, NAMES_FAULTS, 4, 0),
    ],
    ids=lambda value: value.name if isinstance(value, SourceFile) else "",
)
def test_every_faulty_line_is_rejected_with_its_reason(
    file: SourceFile, faults: dict[int, str], loaded: int, skipped: int
) -> None:
    content = sample(file, faults=True)
    rows, rejected, others, _ = parse(file, content)
    assert {one.line: one.reason for one in rejected} == faults
    assert [one.line for one in rejected] == sorted(faults)
    lines = content.decode().split("\n")
    assert all(one.record == lines[one.line - 1] for one in rejected)
    assert (len(rows), others.total()) == (loaded, skipped)
    assert len(lines) - 2 == loaded + skipped + len(rejected)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (BASICS, {"startYear": 3, "endYear": 1, "runtimeMinutes": 2, "genres": 1}),
        (RATINGS, {}),
        (CREW, {"directors": 2, "writers": 1}),
        (PRINCIPALS, {}),
        (NAMES, {"birthYear": 1, "deathYear": 1, "knownForTitles": 1}),
    ],
    ids=lambda value: value.name if isinstance(value, SourceFile) else "",
)
def test_an_invalid_value_of_an_optional_column_is_null_and_counted(file: SourceFile, expected: dict[str, int]) -> None:
    (parsed,) = parse_file(file, [sample(file, faults=True)])
    assert +parsed.dropped == expected
    targets = {field.source: field.target for field in file.fields}
    for name in expected:
        nulls = parsed.rows.column(targets[name]).to_pylist()
        empty = sum(value in (None, []) for value in nulls)
        assert empty == parsed.rows.num_rows - parsed.known[name] + parsed.dropped[name]


def test_the_other_columns_of_such_a_row_are_kept() -> None:
    rows, rejected, _, _ = parse(BASICS, (HEADER + ROW.replace("\t90\t", "\t90 min\t")).encode())
    assert rejected == []
    assert rows[0]["runtime_minutes"] is None
    assert (rows[0]["movie_id"], rows[0]["start_year"], rows[0]["genres"]) == ("tt0000401", 2001, ["Drama"])


def test_an_optional_column_whose_format_has_changed_is_refused() -> None:
    def rows(invalid: int, valid: int) -> bytes:
        years = ["2001-05-17"] * invalid + ["2001"] * valid
        return (HEADER + "".join(f"tt{n:07d}\tmovie\tA\tA\t0\t{year}\t\\N\t90\tDrama\n" for n, year in enumerate(years))).encode()

    assert len(parse(BASICS, rows(TOLERATED_FAULTS, 0))[0]) == TOLERATED_FAULTS
    assert len(parse(BASICS, rows(TOLERATED_FAULTS + 1, TOLERATED_FAULTS + 1))[0]) == 2 * (TOLERATED_FAULTS + 1)
    with pytest.raises(BadInput, match=r"101 of 101 values of startYear in title\.basics\.tsv\.gz are not a year from 1870"):
        parse(BASICS, rows(TOLERATED_FAULTS + 1, 0))


@pytest.mark.parametrize(
    ("title", "reason", "shown"),
    [
        (b"Caf\xe9", "is not valid UTF-8", "Caf\\xe9"),
        (b"\xed\xa0\x80", "is not valid UTF-8", "\\xed\\xa0\\x80"),
        (b"a\x00b", "has a NUL inside", "a\\x00b"),
        (b"a\rb", "has a carriage return inside", "a\rb"),
        (b"a\x1fb", "has a control character 0x1f inside", "a\x1fb"),
    ],
)
def test_bytes_that_no_title_has(title: bytes, reason: str, shown: str) -> None:
    bad = ROW.encode().replace(b"\tA\tA\t", b"\t" + title + b"\tA\t")
    rows, rejected, _, _ = parse(BASICS, HEADER.encode() + bad + ROW.encode() + bad)
    assert [(one.line, one.reason) for one in rejected] == [(2, reason), (4, reason)]
    assert f"\t{shown}\t" in rejected[0].record
    assert [row["movie_id"] for row in rows] == ["tt0000401"]


def test_a_file_of_rejected_lines_only() -> None:
    rows, rejected, _, _ = parse(BASICS, (HEADER + "x\n").encode())
    assert (rows, [one.line for one in rejected]) == ([], [2])


def test_a_very_long_record_is_cut_in_quarantine_only() -> None:
    _, rejected, _, _ = parse(BASICS, (HEADER + ROW + "x" * 50_000 + "\n").encode())
    assert rejected[0].record == "x" * imdb_lines.LONGEST_RECORD


def test_a_byte_order_mark_is_let_pass_before_the_header_only() -> None:
    rows, rejected, _, _ = parse(BASICS, b"\xef\xbb\xbf" + HEADER.encode() + b"\xef\xbb\xbf" + ROW.encode())
    assert rows == []
    assert rejected[0].reason == "starts with a byte order mark"


def test_a_last_line_without_its_newline_counts() -> None:
    rows, _, _, _ = parse(BASICS, (HEADER + ROW).encode().removesuffix(b"\n"))
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
    monkeypatch.setattr(imdb_lines, "BLOCK_BYTES", 1000)
    assert parse(BASICS, [content[start : start + 333] for start in range(0, len(content), 333)])[:3] == whole[:3]
    assert [one.line for one in whole[1]] == [3002, 4003]
    header_alone = parse(BASICS, [HEADER.encode() + b" " * 0, *([many_rows([1])[len(HEADER.encode()) :]])])
    assert len(header_alone[0]) == 1


def test_a_block_may_end_with_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_lines, "BLOCK_BYTES", 10)
    assert len(parse(BASICS, [HEADER.encode(), ROW.encode()])[0]) == 1


@given(st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=20))
def test_any_bytes_are_accounted_for(lines: list[bytes]) -> None:
    """No line, whatever it holds, is lost or stops the others."""
    content = HEADER.encode() + b"\n".join(lines) + b"\n" + ROW.encode()
    rows, rejected, skipped, _ = parse(BASICS, content)
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
    rows, rejected, skipped, _ = parse(BASICS, (HEADER + "\t".join(fields) + "\n" + ROW).encode())
    assert len(rows) + len(rejected) + skipped.total() == 2


@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "sources").exists(), reason="../shared/data is not here")
@pytest.mark.parametrize(
    ("file", "expected"),
    list(zip(FILES, (127_333, 621_725, 127_333, 62_535, 29_004), strict=True)),
    ids=lambda value: str(value)[:20],
)
def test_the_real_files(file: SourceFile, expected: int) -> None:
    content = (REAL / "sources" / "imdb" / file.name).read_bytes()
    counts = [(parsed.rows.num_rows, len(parsed.rejected)) for parsed in parse_file(file, gunzip([content]))]
    assert sum(rows for rows, _ in counts) == expected
    assert sum(rejected for _, rejected in counts) == 0


@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "recordings.tar.xz").exists(), reason="../shared/data is not here")
def test_slices_of_imdbs_own_files() -> None:
    names = {file.name.removesuffix(".gz"): file for file in FILES}
    seen = 0
    with tarfile.open(REAL / "recordings.tar.xz") as archive:
        for member in archive:
            file = names.get(Path(member.name).name)
            content = archive.extractfile(member) if file else None
            if file and content:
                text = content.read().replace(b"\r\n", b"\n")  # one was checked out with CR LF
                rows, rejected, skipped, _ = parse(file, text)
                assert len(rows) + len(rejected) + skipped.total() == text.count(b"\n") - 1 + (not text.endswith(b"\n"))
                assert len(rejected) <= 0.01 * (text.count(b"\n") + 1), (member.name, rejected[:5])
                seen += 1
    assert seen >= 9
