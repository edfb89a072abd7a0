"""Tests the synthetic sample: equal bytes each time, in the sources' formats, with a pattern that a model can learn."""

import gzip
import hashlib
import json
import os
import statistics
from collections import Counter
from pathlib import Path

import pytest

from infra.sources.sample import write_sample
from infra.sources.sample_imdb import BROKEN, HEADERS
from infra.sources.sample_movies import TODAY, expected_rating
from infra.sources.sample_tmdb import BROKEN as BROKEN_BODIES
from infra.sources.tmdb_movies import read_tmdb_movies
from infra.sources.world.catalogue import Catalogue
from infra.sources.world.timeline import UNEVENTFUL
from tasks.core.imdb.files import FILES
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.parse import parse_file
from tasks.core.tmdb.parse import Parsed, Rejected, parse_movie

MOVIE_COUNT = 1500


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources") / "sample"
    assert write_sample(folder, MOVIE_COUNT, 1)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read_lines(folder: Path, name: str) -> list[str]:
    return gzip.decompress((folder / name).read_bytes()).decode().splitlines()


def test_the_same_arguments_give_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    assert write_sample(tmp_path / "again", MOVIE_COUNT, 1)
    assert digests(tmp_path / "again") == digests(sample)
    assert set(digests(sample)) == {
        *(f"imdb/{name}" for name in HEADERS),
        "tmdb/movies.jsonl.gz",
        "tmdb/changes.jsonl",
        "sample.json",
    }


def test_a_folder_that_has_the_sample_is_not_changed(sample: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    assert not write_sample(sample, MOVIE_COUNT, 1)
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_another_sample_replaces_it_but_other_files_are_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    assert write_sample(folder, 60, 1)
    first = digests(folder)
    assert write_sample(folder, 60, 2)
    assert digests(folder)["imdb/title.basics.tsv.gz"] != first["imdb/title.basics.tsv.gz"]
    assert os.listdir(tmp_path) == ["sample"]

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="has files that are not a sample"):
        write_sample(tmp_path / "mine", 60, 1)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.sources.world.world.list_changes", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_sample(tmp_path / "sample", 60, 1)
    assert os.listdir(tmp_path) == []


def test_imdbs_files_are_as_imdb_lays_them_out(sample: Path) -> None:
    for name, header in HEADERS.items():
        lines = read_lines(sample, f"imdb/{name}")
        assert lines[0] == "\t".join(header.split())
        for row in BROKEN[name]:
            lines.remove(row)
        assert {line.count("\t") for line in lines} == {lines[0].count("\t")}


def test_the_tasks_parser_rejects_the_broken_rows_or_nulls_their_optional_columns(sample: Path) -> None:
    dropped: Counter[str] = Counter()
    for file in FILES:
        blocks = list(parse_file(file, gunzip([(sample / "imdb" / file.name).read_bytes()])))
        rejected = Counter(row.record for block in blocks for row in block.rejected)
        in_file = sum((block.dropped for block in blocks), Counter[str]())
        assert rejected <= Counter(BROKEN[file.name])
        assert rejected.total() + in_file.total() == len(BROKEN[file.name])
        dropped += in_file
    assert dropped == {"startYear": 1, "runtimeMinutes": 1}


def test_the_files_disagree_as_the_real_ones_do(sample: Path) -> None:
    basics = {line.split("\t")[0]: line.split("\t") for line in read_lines(sample, "imdb/title.basics.tsv.gz")[1:]}
    rated = {line.split("\t")[0] for line in read_lines(sample, "imdb/title.ratings.tsv.gz")[1:]}
    movies = {tconst for tconst, row in basics.items() if len(row) == 9 and row[1] in {"movie", "tvMovie"}}
    assert len(movies) >= MOVIE_COUNT
    assert rated - basics.keys()
    assert movies - rated
    assert {"tvSeries", "short"} <= {row[1] for row in basics.values()}
    assert all(any(row[column] == r"\N" for row in basics.values() if len(row) == 9) for column in (5, 6, 7, 8))


def test_tmdb_knows_two_movies_in_three_and_has_its_own_values_for_unknown(sample: Path) -> None:
    tmdb_movies = read_tmdb_movies(sample)
    assert 0.6 < len(tmdb_movies.by_imdb_id) / MOVIE_COUNT < 0.75
    bodies = [json.loads(body) for body in tmdb_movies.by_imdb_id.values()]
    assert {"credits", "keywords", "external_ids", "release_dates"} <= bodies[0].keys()
    assert sum(body["budget"] == 0 for body in bodies) / len(bodies) > 0.3
    assert any(body["original_language"] == "xx" for body in bodies)
    assert 0.005 < len(tmdb_movies.changes) / MOVIE_COUNT < 0.02


def test_the_tasks_parser_accepts_every_body_but_the_broken_one(sample: Path) -> None:
    results = [parse_movie(body, movie_id) for movie_id, body in read_tmdb_movies(sample).by_imdb_id.items()]
    assert [one.reason for one in results if isinstance(one, Rejected)] == ["id is None: it must be a positive whole number"]
    dropped = [one.dropped for one in results if isinstance(one, Parsed) and one.dropped]
    assert len(dropped) == len(BROKEN_BODIES) - 3
    assert {name for names in dropped for name in names} == {
        *("runtime", "release_date", "credits", "keywords", "popularity", "vote_count")
    }


def test_the_future_is_not_rated_and_the_past_can_be_learned_from() -> None:
    movies = [entry.movie for entry in Catalogue(1, 4000, UNEVENTFUL).entries_on(TODAY)]
    assert any(movie.released > TODAY for movie in movies)
    assert all(movie.rating is None for movie in movies if movie.released > TODAY)
    known = [movie for movie in movies if movie.rating is not None and movie.votes >= 100]
    assert 0.55 < len(known) / len(movies) < 0.75
    ratings = [movie.rating for movie in known if movie.rating is not None]
    assert 0.95 < statistics.pstdev(ratings) < 1.25
    surprise = statistics.pstdev(movie.rating - expected_rating(movie) for movie in known if movie.rating is not None)
    assert 0.4 < surprise / statistics.pstdev(ratings) < 0.65
