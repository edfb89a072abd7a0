"""Faulty lines of IMDb's files: which are rejected and why, and which values are null."""

import pytest

from tasks.core.errors import BadInput
from tasks.core.imdb import lines as imdb_lines
from tasks.core.imdb.files import BASICS, CREW, NAMES, PRINCIPALS, RATINGS, SourceFile
from tasks.core.imdb.parse import TOLERATED_FAULTS, parse_file
from tests.tasks.core.imdb.parsing import HEADER, ROW, parse, sample

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
    12: "titleType is missing: it must be a title type",
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
    rows, rejected, others = parse(file, content)
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
    rows, rejected, _ = parse(BASICS, (HEADER + ROW.replace("\t90\t", "\t90 min\t")).encode())
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
    rows, rejected, _ = parse(BASICS, HEADER.encode() + bad + ROW.encode() + bad)
    assert [(one.line, one.reason) for one in rejected] == [(2, reason), (4, reason)]
    assert f"\t{shown}\t" in rejected[0].record
    assert [row["movie_id"] for row in rows] == ["tt0000401"]


def test_a_file_of_rejected_lines_only() -> None:
    rows, rejected, _ = parse(BASICS, (HEADER + "x\n").encode())
    assert (rows, [one.line for one in rejected]) == ([], [2])


def test_a_very_long_record_is_cut_in_quarantine_only() -> None:
    _, rejected, _ = parse(BASICS, (HEADER + ROW + "x" * 50_000 + "\n").encode())
    assert rejected[0].record == "x" * imdb_lines.LONGEST_RECORD
