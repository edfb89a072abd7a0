"""Tests ingest_imdb when it crashes, is overtaken or killed: the tables are all old or all new."""

import gzip
import signal
import subprocess
import time
from typing import Any

import pytest

from infra.local.stack import Stack
from tasks import ingest_imdb
from tasks.core.errors import Unavailable
from tasks.core.imdb.files import BASICS, FILES, NAMES
from tasks.io.postgres.lease import Lease
from tests.tasks.ingest_imdb.world import DAY, ROOT, SAMPLES, World
from tests.tasks.settings_factory import number_attempt, overtaken, run_verb

pytestmark = pytest.mark.integration


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
