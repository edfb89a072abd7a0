"""The laws of the invented files: the same bytes again, IMDb's numbers, ids that refer to rows, lines that the ingest accepts."""

import gzip
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from tasks.core.imdb.files import BASICS, CREW, FILES, NAMES, PRINCIPALS, RATINGS, SourceFile
from tasks.core.imdb.keys import IdSet, compute_all_keys
from tasks.core.imdb.parse import parse_file
from tests.bench.imdb_files import slices
from tests.bench.imdb_files.ids import PLACES, IdSpace, render_places
from tests.bench.imdb_files.world import World
from tests.bench.imdb_files.write import write_files

SCALE, SLICE = 0.001, 5_000
"""12,000 titles in three slices."""
CHANGED = 0.05


@cache
def make(changed: float = 0) -> dict[str, bytes]:
    """Return the files' bytes."""
    with TemporaryDirectory() as folder, patch.object(slices, "SLICE", SLICE):
        written = write_files(Path(folder), SCALE, changed=changed)
        files = {name: (Path(folder) / name).read_bytes() for name in written}
        assert {name: size.bytes for name, size in written.items()} == {name: len(body) for name, body in files.items()}
        assert all(size.plain_bytes == len(gzip.decompress(files[name])) for name, size in written.items())
    return files


def read_lines(file: SourceFile, changed: float = 0) -> list[str]:
    return gzip.decompress(make(changed)[file.name]).decode().splitlines()[1:]


def read_ids(file: SourceFile, changed: float = 0) -> list[str]:
    return [line.partition("\t")[0] for line in read_lines(file, changed)]


def load(file: SourceFile, changed: float, tables: dict[str, pa.Table]) -> pa.Table:
    """Return the rows that ingest_imdb loads, having refused none and dropped no value. tables: those that were loaded before."""
    needed = [other for other in FILES if other.table in file.needs]
    keys = [compute_all_keys(tables[other.table], other.gives) for other in needed]
    ids = IdSet(np.unique(np.concatenate(keys))) if keys else None
    parsed = list(parse_file(file, [gzip.decompress(make(changed)[file.name])], ids))
    assert not [rejected for block in parsed for rejected in block.rejected]
    assert not sum(block.dropped.total() for block in parsed)
    return pa.concat_tables([block.rows for block in parsed])


@pytest.mark.parametrize("changed", [0, CHANGED])
def test_the_same_seed_gives_the_same_bytes(changed: float) -> None:
    before = make(changed)
    make.cache_clear()
    assert make(changed) == before


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    write_files(tmp_path, SCALE, seed=2)
    assert all((tmp_path / name).read_bytes() != body for name, body in make().items())


@pytest.mark.parametrize("changed", [0, CHANGED])
def test_the_ingest_accepts_every_line_and_loads_what_it_loads_of_imdb(changed: float) -> None:
    tables: dict[str, pa.Table] = {}
    for file in FILES:
        tables[file.table] = load(file, changed, tables)
    rows = {name: table.num_rows / SCALE for name, table in tables.items()}
    assert rows["movie"] == pytest.approx(872_000, rel=0.1)
    assert rows["credit"] == pytest.approx(9_900_000, rel=0.15)
    assert rows["rating"] == pytest.approx(392_000, rel=0.2)
    assert rows["crew"] == rows["movie"]
    # Every person of a movie has a row.
    credited = np.concatenate([compute_all_keys(tables[file.table], file.gives) for file in (CREW, PRINCIPALS)])
    assert rows["person"] == len(np.unique(credited)) / SCALE


def test_the_files_are_as_long_as_imdbs() -> None:
    lines = {file.table: len(read_lines(file)) / SCALE for file in FILES}
    assert (lines["movie"], lines["crew"], lines["person"]) == (12_000_000, 12_000_000, 14_500_000)
    assert lines["credit"] == pytest.approx(92_100_000, rel=0.02)
    assert lines["rating"] == pytest.approx(1_610_000, rel=0.1)


@pytest.mark.parametrize("changed", [0, CHANGED])
def test_ids_are_sorted_and_refer_to_rows(changed: float) -> None:
    titles, people = read_ids(BASICS, changed), set(read_ids(NAMES, changed))
    for file in (BASICS, RATINGS, CREW, NAMES):
        assert all(first < second for first, second in pairwise(read_ids(file, changed))), file.name
    assert read_ids(CREW, changed) == titles
    assert sorted(read_ids(PRINCIPALS, changed)) == read_ids(PRINCIPALS, changed)
    assert set(read_ids(RATINGS, changed) + read_ids(PRINCIPALS, changed)) <= set(titles)
    assert {line.split("\t")[2] for line in read_lines(PRINCIPALS, changed)} <= people
    crew = {column for line in read_lines(CREW, changed) for column in line.split("\t")[1:] if column != "\\N"}
    assert {person for column in crew for person in column.split(",")} <= people


def test_a_later_day_changes_its_share_of_the_rows_and_adds_titles() -> None:
    for file in FILES:
        before, after = read_lines(file), read_lines(file, CHANGED)
        kept = set(after)
        changed = sum(line not in kept for line in before) / len(before)
        assert CHANGED / 2 < changed < CHANGED * 1.2, file.name  # a change may leave a line as it was: no writers, as before
    first, later = set(read_ids(BASICS)), set(read_ids(BASICS, CHANGED))
    assert first < later
    assert len(later - first) == pytest.approx(len(first) * CHANGED / 10, rel=0.3)
    assert len(set(read_ids(NAMES))) == len(set(read_ids(NAMES, CHANGED)))


def test_the_places_are_those_of_ids_sorted_as_text() -> None:
    places = [0, 999_998, 999_999, 1_000_000, 1_000_009, 1_000_010, 33_999_998, 33_999_999, PLACES - 1]
    ids = render_places("tt", np.array(places)).to_list()
    sevens = ["tt0000001", "tt0999999", "tt1000000", "tt1000001", "tt4000000", "tt9999999"]
    assert ids == sorted([*sevens, "tt10000000", "tt10000009", "tt39999999"])


def test_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="are too many"):
        IdSpace("tt", PLACES)
    assert World.make(1, 1).people.count == 14_500_000
