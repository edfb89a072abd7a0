"""ingest_imdb from a file server to real S3 and Postgres: what it refuses, and that the tables stay as they were."""

import gzip
import re
import subprocess

import psycopg
import pytest

from infra.local.stack import Stack
from tasks.core.errors import BadInput, TaskError
from tasks.core.imdb.files import BASICS, NAMES
from tests.tasks.ingest_imdb.world import ROOT, SAMPLES, World

pytestmark = pytest.mark.integration


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


def test_a_much_smaller_file_is_refused_until_a_person_accepts_it(world: World) -> None:
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


def test_errors_have_exit_codes(world: World, stack: Stack) -> None:
    python = str(stack.settings.layout.python("tasks"))
    broken = world.environment | {"IMDB_BASE_URL": world.source.base_url.replace("http://", "gopher://")}
    done = subprocess.run([python, "-m", "tasks.ingest_imdb"], cwd=ROOT, env=broken, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    *_, error, last = done.stdout.splitlines()
    assert "BadSetting: IMDB_BASE_URL" in error
    assert re.search(r"used \d+\.\d s of processor time and at most \d+ MiB of memory", last)
    assert issubclass(BadInput, TaskError)
