"""ingest_tmdb, killed, overtaken or refused: what was answered stays, and nothing is asked for twice."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from infra.sources.faults import Fault
from tasks import ingest_tmdb
from tasks.core.errors import AccessDenied
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tmdb_ledger import CHANGES
from tasks.io.s3.bucket import Bucket
from tests.infra.sources.folder import make_movie
from tests.tasks.core.tmdb.bodies import HTML, INVALID_KEY
from tests.tasks.ingest_tmdb.world import DAY, NEXT, ONE, THREE, TWO, World
from tests.tasks.settings_factory import number_attempt, overtaken

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("step", ["put_once", "write_batch"])
def test_a_run_that_is_killed_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr(ingest_tmdb, "ANSWERS_PER_BATCH", 1)
    movies = [make_movie(1), make_movie(2)]
    world.run(DAY, *movies)
    whole = world.state()
    with connect(world.settings) as conn:
        conn.execute("truncate tmdb_movie, tmdb_request")
        conn.execute("delete from ingested_file where name = %s", [CHANGES])

    crash_in(monkeypatch, step, at=2)
    with pytest.raises(KeyboardInterrupt):
        world.run(DAY, *movies)
    assert list(world.outcomes()) == [THREE]
    monkeypatch.undo()
    monkeypatch.setattr(ingest_tmdb, "ANSWERS_PER_BATCH", 1)
    assert sorted(world.run(DAY, *movies)) == [ONE, TWO]
    assert world.state()[:3] == whole[:3]


def crash_in(monkeypatch: pytest.MonkeyPatch, step: str, at: int) -> None:
    """Let the at-th batch's step end the program, before (put_once) or inside (write_batch) its transaction."""
    calls = 0
    target: Any = Bucket if step == "put_once" else ingest_tmdb
    true: Callable[..., Any] = getattr(target, step)

    def crash(*args: Any) -> Any:
        nonlocal calls
        if step == "put_once" and not str(args[1]).endswith(".parquet"):
            return true(*args)
        calls += 1
        if calls < at:
            return true(*args)
        if step == "write_batch":
            lease: Lease = args[0]
            with lease.held():
                true(*args)
                raise KeyboardInterrupt
        raise KeyboardInterrupt

    monkeypatch.setattr(target, step, crash)


@pytest.mark.parametrize("commit", [1, 2, 4], ids=["first batch", "second batch", "changes"])
def test_of_two_overlapping_attempts_the_later_one_writes(world: World, monkeypatch: pytest.MonkeyPatch, commit: int) -> None:
    monkeypatch.setattr(ingest_tmdb, "ANSWERS_PER_BATCH", 1)
    movies, settings, state = [make_movie(1), make_movie(2)], world.settings, []

    def overtake() -> None:
        world.settings = number_attempt(settings, 2)
        world.run(NEXT, *movies)
        state.append(world.state())

    world.settings = number_attempt(settings, 1)
    with overtaken(Lease, "held", overtake, commit):
        world.run(DAY, *movies)
    assert [world.state()] == state
    days = Counter(day for (day,) in world.query("select requested_on from tmdb_request"))
    assert days == Counter({DAY: commit - 1, NEXT: 4 - commit})


def test_answers_before_the_token_is_refused_are_stored_and_not_asked_for_again(world: World) -> None:
    movies = [make_movie(1), make_movie(2)]
    with pytest.raises(AccessDenied, match="TMDB_ACCESS_TOKEN with 401"):
        world.run(DAY, *movies, faults={f"/3/movie/{ONE}": [Fault(401, INVALID_KEY)]})
    stored = world.outcomes()
    assert ONE not in stored
    assert stored.items() <= {TWO: "found", THREE: "absent"}.items()
    asked = world.run(DAY, *movies)
    assert sorted([*asked, *stored]) == [ONE, TWO, THREE]
    assert world.outcomes() == {ONE: "found", TWO: "found", THREE: "absent"}


def test_an_intermediarys_page_does_not_end_the_run(world: World) -> None:
    pages = {
        f"/3/movie/{TWO}": [Fault(403, HTML)],
        f"/3/movie/{THREE}": [Fault(302, b"", {"Location": "https://login.example/"})],
    }
    world.run(DAY, make_movie(1), make_movie(2), faults=pages)
    assert world.outcomes() == {ONE: "found", TWO: "found", THREE: "absent"}
