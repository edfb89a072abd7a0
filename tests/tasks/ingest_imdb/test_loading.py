"""ingest_imdb from a file server to real S3 and Postgres: what it loads, and that the same files again change nothing."""

import gzip

import pytest

from tasks.core.imdb.files import BASICS, CREW, FILES, NAMES, PRINCIPALS
from tasks.io.s3.bucket import Bucket
from tests.tasks.ingest_imdb.world import DAY, ROOT, TABLES, World, pack

pytestmark = pytest.mark.integration

REAL = ROOT.parent / "shared" / "data" / "sources" / "imdb"
VERSIONS = "select lines, is_current from ingested_file where name = %s order by 1"


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
