"""ingest_imdb from a file server to real S3 and Postgres: what it loads, what it refuses, and that nothing is ever half done."""

import gzip
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.local.stack import Stack
from tasks import ingest_imdb
from tasks.core.errors import BadInput, TaskError, Unavailable
from tasks.core.imdb.files import BASICS, CREW, FILES, NAMES, PRINCIPALS
from tasks.io.postgres.lease import Lease
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.tasks.io.http_faults import FolderServer, serve
from tests.tasks.settings_factory import number_attempt, overtaken, own_environment, read_settings, run_verb

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "samples" / "imdb"
REAL = ROOT.parent / "shared" / "data" / "sources" / "imdb"
DAY = date(2026, 11, 22)
VERSIONS = "select lines, is_current from ingested_file where name = %s order by 1"
TABLES = [file.table for file in FILES]


def pack(name: str) -> bytes:
    return gzip.compress((SAMPLES / name).read_bytes(), mtime=0)


@dataclass
class World:
    """A source, a database schema of its own, and the bucket."""

    source: FolderServer
    environment: dict[str, str]
    settings: Settings

    def ingest(self) -> None:
        run_verb(ingest_imdb, self.settings, DAY)

    def put(self, name: str, content: bytes) -> None:
        self.source.files[name] = gzip.compress(content, mtime=0)

    def ask(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.settings.movies_database_url.get_secret_value()) as conn:
            return conn.execute(query.encode(), values or None).fetchall()

    def tables(self) -> dict[str, tuple[Any, ...]]:
        """Of each table its oid, which changes when it is replaced, and its number of rows."""
        query = "select '{0}'::regclass::oid, count(*) from {0}"
        return {table: self.ask(query.format(table))[0] for table in TABLES}

    def state(self) -> tuple[Any, ...]:
        """Everything that a run may change."""
        ledger = self.ask("select *, ctid from ingested_file order by name, sha256")
        bucket = Bucket.from_settings(self.settings)
        pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix="raw/imdb/")
        objects = [(one["Key"], one["LastModified"]) for page in pages for one in page.get("Contents", [])]
        return self.tables(), ledger, self.ask("select *, ctid from quarantine order by 1, 2, 3"), objects

    def ledger(self) -> dict[str, tuple[int, ...]]:
        rows = self.ask("select name, lines, loaded, skipped, quarantined from ingested_file where is_current")
        return {row[0]: row[1:] for row in rows}


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    files = {file.name: pack(file.name.removesuffix(".gz")) for file in FILES}
    with own_environment(stack) as environment, serve(FolderServer(files=files)) as source:
        whole = environment | {"IMDB_BASE_URL": source.base_url}
        yield World(source, whole, read_settings(whole))


def test_the_samples(world: World) -> None:
    world.ingest()
    assert world.ledger() == {
        "title.basics.tsv.gz": (9, 6, 3, 0),
        "title.ratings.tsv.gz": (5, 3, 2, 0),
        "title.crew.tsv.gz": (4, 2, 2, 0),
        "title.principals.tsv.gz": (5, 4, 1, 0),
        "name.basics.tsv.gz": (3, 3, 0, 0),
    }
    assert [row[1] for row in world.tables().values()] == [6, 3, 2, 4, 3]
    movie = world.ask("select primary_title, original_title, start_year, genres from movie where movie_id = 'tt1000000001'")
    assert movie == [("N\\A, {braces} and \\backslash", "Ten, Digits", 2024, ["Documentary", '"Odd"', "Back\\slash"])]
    assert str(world.ask("select average_rating from rating where movie_id = 'tt0000101'")[0][0]) == "7.1"
    assert world.ask("select characters from credit where ordering = 2") == [('["Mara \\"M\\" Quill","Narrator"]',)]
    assert world.ask("select known_for from person where person_id = 'nm0000011'") == [(["tt0000101", "tt0000102"],)]
    for name, sha256, raw_key in world.ask("select name, sha256, raw_key from ingested_file"):
        assert raw_key == f"raw/imdb/{name}/{sha256}.gz"
        assert Bucket.from_settings(world.settings).read(raw_key) == world.source.files[name]


def test_faulty_lines_go_to_quarantine_with_their_reasons(world: World) -> None:
    for file in FILES:
        world.source.files[file.name] = pack(file.name.replace(".tsv.gz", ".faults.tsv"))
    bad = b"tt0000777\tmovie\tCaf\xe9 \x00\tx\t0\t2001\t\\N\t90\tDrama\n"
    world.put(BASICS.name, gzip.decompress(world.source.files[BASICS.name]) + bad)
    world.ingest()
    for name, (lines, loaded, skipped, quarantined) in world.ledger().items():
        content = gzip.decompress(world.source.files[name]).splitlines()
        assert lines == len(content) - 1 == loaded + skipped + quarantined
        assert world.ask("select count(*) from quarantine where source = %s", name) == [(quarantined,)]
    assert world.ask("select line, reason, record, seen_on from quarantine where record like '%Caf%'") == [
        (25, "has a NUL inside", "tt0000777\tmovie\tCaf\\xe9 \\x00\tx\t0\t2001\t\\N\t90\tDrama", DAY)
    ]


def test_the_same_files_again_change_nothing(world: World) -> None:
    world.ingest()
    before = world.state()
    asked = len(world.source.requests)
    world.ingest()
    assert world.state() == before
    assert all("If-None-Match" in request for request in world.source.requests[asked:])


def test_the_same_bytes_under_another_etag_replace_no_table(world: World) -> None:
    world.ingest()
    before, ledger = world.tables(), world.ledger()
    world.source.etag = "touched"
    world.ingest()
    assert world.tables() == before
    assert world.ledger() == ledger
    state = world.state()
    world.ingest()
    assert world.state() == state


def test_only_a_file_that_changed_is_loaded_and_the_ledger_keeps_the_old(world: World) -> None:
    world.ingest()
    before = world.tables()
    old = world.source.files[NAMES.name]
    world.put(NAMES.name, gzip.decompress(old) + b"nm0000077\tNew Here\t\\N\t\\N\t\\N\t\\N\n")
    world.ingest()
    after = world.tables()
    assert {table for table in TABLES if after[table] != before[table]} == {"person"}
    assert world.ask(VERSIONS, NAMES.name) == [(3, False), (4, True)]
    world.source.files[NAMES.name] = old  # a correction taken back: the same bytes become current again
    world.ingest()
    assert world.ask(VERSIONS, NAMES.name) == [(3, True), (4, False)]


def test_a_new_movie_takes_its_rows_from_files_that_have_not_changed(world: World) -> None:
    """The state follows from the files, not from the order in which they came."""
    world.ingest()
    content = gzip.decompress(world.source.files[BASICS.name])
    world.put(BASICS.name, content + b"tt0000999\tmovie\tLate\tLate\t0\t2026\t\\N\t90\tDrama\n")
    world.ingest()
    assert world.ledger()[CREW.name] == (4, 3, 1, 0)
    assert world.ask("select directors from crew where movie_id = 'tt0000999'") == [(["nm10000013"],)]


def test_people_without_a_credit_are_not_loaded(world: World) -> None:
    world.put(NAMES.name, gzip.decompress(world.source.files[NAMES.name]) + b"nm0000077\tNever Seen\t\\N\t\\N\t\\N\t\\N\n")
    world.ingest()
    assert world.ledger()[NAMES.name] == (4, 3, 1, 0)


def test_new_credits_without_a_new_title_basics_still_know_the_other_titles(world: World) -> None:
    world.ingest()
    for file, line in ((CREW, b"tt0000105\tnm0000011\t\\N\n"), (PRINCIPALS, b"tt0000107\t1\tnm0000011\tself\t\\N\t\\N\n")):
        world.put(file.name, gzip.decompress(world.source.files[file.name]) + line)
    world.ingest()
    assert world.ledger()[CREW.name] == (5, 2, 3, 0)
    assert world.ledger()[PRINCIPALS.name] == (6, 4, 2, 0)


def test_a_damaged_file_leaves_every_table_as_it_was(world: World) -> None:
    world.ingest()
    before = world.state()[:3]
    for name in world.source.files:
        world.put(name, gzip.decompress(world.source.files[name]) + b"\n")
    whole = world.source.files[NAMES.name]
    world.source.files[NAMES.name] = whole[:-9]
    with pytest.raises(BadInput, match=r"name\.basics\.tsv\.gz, kept as raw/imdb/.*: the gzip data ends in the middle"):
        world.ingest()
    assert world.state()[:3] == before
    world.source.files[NAMES.name] = whole
    world.ingest()
    assert world.ledger()[NAMES.name] == (4, 3, 0, 1)


@pytest.mark.parametrize("content", [b"", b"tconst\ttitleType\n"], ids=["empty", "other header"])
def test_a_file_that_is_not_imdbs(content: bytes, world: World) -> None:
    world.put(BASICS.name, content)
    with pytest.raises(BadInput, match=r"title\.basics\.tsv\.gz, kept as raw/imdb/"):
        world.ingest()
    assert {row[1] for row in world.tables().values()} == {0}
    assert world.ledger() == {}


def test_a_much_smaller_file_is_refused_until_someone_says_that_it_is_right(world: World) -> None:
    world.ingest()
    before = world.state()[:3]
    world.put(BASICS.name, b"\n".join((SAMPLES / "title.basics.tsv").read_bytes().splitlines()[:3]) + b"\n")
    with pytest.raises(BadInput, match="has 2 rows to load and 0 others, the current file has 6 and 3") as error:
        world.ingest()
    assert world.state()[:3] == before
    advice = re.search(r"update ingested_file .*", str(error.value))
    assert advice
    with psycopg.connect(world.settings.movies_database_url.get_secret_value()) as conn:
        conn.execute(advice.group().encode())
    world.ingest()
    assert world.ledger()[BASICS.name] == (2, 2, 0, 0)


def test_an_older_file_is_refused(world: World) -> None:
    world.ingest()
    before = world.state()[:3]
    world.put(NAMES.name, gzip.decompress(world.source.files[NAMES.name]) + b"nm0000077\tNew Here\t\\N\t\\N\t\\N\t\\N\n")
    world.source.last_modified = "Sat, 21 Nov 2026 02:50:48 GMT"
    with pytest.raises(BadInput, match=r"is of Sat, 21 Nov 2026 .* older than the current file"):
        world.ingest()
    assert world.state()[:3] == before


@pytest.mark.parametrize("step", ["write_quarantine", "write_current_file", "swap_new_table", "check_volume"])
@pytest.mark.parametrize("calls", [1, 3])
def test_a_crash_at_any_step_leaves_the_old_tables(step: str, calls: int, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ingest()
    before = world.state()[:3]
    for name in world.source.files:
        world.put(name, gzip.decompress(world.source.files[name]) + b"\n")
    counted, original = 0, getattr(ingest_imdb, step)

    def crash(*arguments: object) -> object:
        nonlocal counted
        counted += 1
        if counted == calls:
            raise RuntimeError(step)
        return original(*arguments)

    monkeypatch.setattr(ingest_imdb, step, crash)
    with pytest.raises(RuntimeError, match=step):
        world.ingest()
    monkeypatch.undo()
    assert world.state()[:3] == before
    world.ingest()
    assert all(counts[3] == 1 for counts in world.ledger().values())


def test_a_second_run_at_the_same_time_does_not_load(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ingest_imdb.load_file
    told: list[str] = []

    def load(*arguments: Any) -> object:
        if not told:
            told.append("")
            with pytest.raises(Unavailable, match="ingest_imdb is at work for by hand") as error:
                world.ingest()
            told.append(str(error.value))
        return original(*arguments)

    monkeypatch.setattr(ingest_imdb, "load_file", load)
    world.ingest()
    assert len(told) == 2
    assert len(world.ledger()) == 5


@pytest.mark.parametrize(
    ("target", "step", "call"),
    [(ingest_imdb, "load_file", 3), (Lease, "check", 3), (Lease, "connect", 2)],
    ids=["in the middle of loading", "before the swap", "before loading"],
)
def test_of_two_overlapping_attempts_the_later_one_loads(target: Any, step: str, call: int, world: World) -> None:
    """The earlier one's open transaction does not hold up the later one, though both fill the same tables."""
    world.ingest()
    state = None

    def overtake() -> None:
        nonlocal state
        world.put(NAMES.name, gzip.decompress(world.source.files[NAMES.name]) + b"nm0000078\tLater\t\\N\t\\N\t\\N\t\\N\n")
        run_verb(ingest_imdb, number_attempt(world.settings, 2), DAY)
        state = world.state()

    for name in world.source.files:
        world.put(name, gzip.decompress(world.source.files[name]) + b"\n")
    with overtaken(target, step, overtake, call):
        run_verb(ingest_imdb, number_attempt(world.settings, 1), DAY)
    assert state is not None
    assert world.state() == state
    assert world.ledger()[NAMES.name] == (5, 3, 1, 1)


def test_killed_at_any_time_it_leaves_the_old_or_the_new(world: World, stack: Stack) -> None:
    python = str(stack.settings.layout.python("tasks"))
    for n, file in enumerate(FILES):
        if file is BASICS:
            rows = (f"tt{row:07d}\tmovie\tFilm {row}\t\\N\t0\t2001\t\\N\t90\tDrama\n" for row in range(150_000))
            world.put(BASICS.name, (SAMPLES / "title.basics.tsv").read_bytes().splitlines(True)[0] + "".join(rows).encode())
        else:
            world.put(file.name, gzip.decompress(world.source.files[file.name]) + b"\n" * n)
    command = [python, "-m", "tasks.ingest_imdb", "--day", DAY.isoformat()]
    killed = 0
    for lines_before_the_kill in (1, 5, 6, 7, 9):  # five lines tell of fetching, the others of loading
        process = subprocess.Popen(command, cwd=ROOT, env=world.environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(lines_before_the_kill):
            process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        killed += process.wait() == -signal.SIGKILL
        counts, ledger = {table: row[1] for table, row in world.tables().items()}, world.ledger()
        assert counts == {file.table: ledger.get(file.name, (0, 0))[1] for file in FILES}
    assert killed >= 3
    done = subprocess.run(command, cwd=ROOT, env=world.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert world.tables()["movie"][1] == 150_000
    assert world.ask("select count(*) from pg_tables where tablename like '%\\_new' and schemaname = current_schema") == [(0,)]


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="../shared/data is not here")
def test_the_real_files(world: World) -> None:
    for file in FILES:
        world.source.files[file.name] = (REAL / file.name).read_bytes()
    world.ingest()
    expected = {"movie": 127_333, "rating": 56_611, "crew": 127_333, "credit": 62_535, "person": 29_004}
    assert {table: row[1] for table, row in world.tables().items()} == expected
    assert {name: quarantined for name, (_, _, _, quarantined) in world.ledger().items() if quarantined} == {}
    assert world.ledger()["title.ratings.tsv.gz"] == (621_725, 56_611, 565_114, 0)
    before = world.state()
    world.ingest()
    assert world.state() == before


def test_errors_have_exit_codes(world: World, stack: Stack) -> None:
    python = str(stack.settings.layout.python("tasks"))
    broken = world.environment | {"IMDB_BASE_URL": world.source.base_url.replace("http://", "gopher://")}
    done = subprocess.run([python, "-m", "tasks.ingest_imdb"], cwd=ROOT, env=broken, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "BadSetting: IMDB_BASE_URL" in done.stdout
    assert issubclass(BadInput, TaskError)
