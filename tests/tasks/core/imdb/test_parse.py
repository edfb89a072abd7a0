"""IMDb's files parsed: what is loaded and what is skipped, of the invented samples and of the real files."""

import tarfile
from decimal import Decimal
from pathlib import Path

import pytest

from tasks.core.imdb.files import BASICS, CREW, FILES, NAMES, PRINCIPALS, RATINGS, SourceFile
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.parse import parse_file
from tests.tasks.core.imdb.parsing import make_ids, parse, sample

REAL = Path(__file__).parents[5] / "shared" / "data"


def test_movies() -> None:
    rows, rejected, skipped = parse(BASICS, sample(BASICS))
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
    rows, rejected, skipped = parse(RATINGS, sample(RATINGS))
    assert [(row["movie_id"], row["average_rating"], row["num_votes"]) for row in rows] == [
        ("tt0000101", Decimal("7.1"), 1204),
        ("tt0000103", Decimal("1.0"), 5),
        ("tt0000104", Decimal("10.0"), 2147483647),
        ("tt0009999", Decimal("10.0"), 0),
        ("tt1000000001", Decimal("8.0"), 77),
    ]
    assert not rejected
    assert not skipped.total()


def test_rows_of_other_ids_are_skipped() -> None:
    movies = make_ids(*(row["movie_id"] for row in parse(BASICS, sample(BASICS))[0]))
    rows, rejected, skipped = parse(RATINGS, sample(RATINGS), movies)
    assert [row["movie_id"] for row in rows] == ["tt0000101", "tt0000103", "tt1000000001"]
    assert (rejected, skipped) == ([], {"of other titles": 2})
    rows, rejected, skipped = parse(CREW, sample(CREW), movies)
    assert [row["movie_id"] for row in rows] == ["tt0000101", "tt0000103"]
    assert rows[0] == {"movie_id": "tt0000101", "directors": ["nm0000011"], "writers": ["nm0000011", "nm0000012"]}
    assert rows[1] == {"movie_id": "tt0000103", "directors": [], "writers": []}
    assert (rejected, skipped.total()) == ([], 2)
    rows, rejected, skipped = parse(PRINCIPALS, sample(PRINCIPALS), movies)
    assert [(row["movie_id"], row["ordering"]) for row in rows] == [
        *(("tt0000101", 1), ("tt0000101", 2), ("tt0000101", 10), ("tt0000103", 1)),
    ]
    assert rows[1]["characters"] == '["Mara \\"M\\" Quill","Narrator"]'
    assert rows[2]["job"] == 'novel "Lamps"'
    assert (rejected, skipped.total()) == ([], 1)
    rows, rejected, skipped = parse(NAMES, sample(NAMES), make_ids("nm0000012"))
    assert [row["person_id"] for row in rows] == ["nm0000012"]
    assert rejected == []
    assert set(skipped) == {"without a credit"}


def test_people() -> None:
    rows, rejected, _ = parse(NAMES, sample(NAMES))
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
                rows, rejected, skipped = parse(file, text)
                assert len(rows) + len(rejected) + skipped.total() == text.count(b"\n") - 1 + (not text.endswith(b"\n"))
                assert len(rejected) <= 0.01 * (text.count(b"\n") + 1), (member.name, rejected[:5])
                seen += 1
    assert seen >= 9
