"""ingest_tmdb on the real stores: what a run leaves, and that it leaves it once."""

import io
import logging
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import psycopg
import pyarrow.parquet as pq
import pytest

from infra.local.stack import Stack
from infra.sources.faults import Fault, FaultyApp
from infra.sources.server import create_app
from tasks import ingest_tmdb
from tasks.core.errors import AccessDenied, BadInput, Unavailable
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease, take
from tasks.io.postgres.tmdb_ledger import CHANGES
from tasks.io.postgres.tmdb_plan import Plan, read_plan
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.infra.sources.folder import make_movie, render, write_folder
from tests.infra.sources.running import run_app
from tests.tasks.core.tmdb.bodies import HTML, INVALID_KEY
from tests.tasks.settings_factory import number_attempt, overtaken, run_verb

DAY = date(2026, 11, 1)
NEXT = DAY + timedelta(days=1)
ONE, TWO, THREE = "tt70000001", "tt70000002", "tt70000003"


class World:
    """Stores without a trace of TMDB, and a source that can be changed between runs."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self._folder = settings, folder

    def run(
        self,
        day: date,
        *movies: dict[str, Any],
        changes: list[tuple[str, int]] | None = None,
        hours: float = 1,
        faults: dict[str, list[Fault]] | None = None,
    ) -> list[str]:
        """One run against a TMDB that knows `movies`; returns the ids asked for, in order."""
        app = create_app(write_folder(self._folder, list(movies), changes), faults=faults or {})
        assert isinstance(app, FaultyApp)
        with run_app(app) as url:
            source = {"imdb_base_url": url, "tmdb_base_url": url, "tmdb_hours_per_run": hours}
            run_verb(ingest_tmdb, self.settings.model_copy(update=source), day)
        asked = [path.removeprefix("/3/movie/") for path in app.paths_requested if path.startswith("/3/movie/")]
        return [path for path in asked if path != "changes"]

    def query(self, text: str) -> list[Any]:
        with connect(self.settings) as conn:
            return conn.execute(text.encode()).fetchall()

    def outcomes(self) -> dict[str, str]:
        return dict(self.query("select movie_id, outcome from tmdb_request order by 1"))

    def state(self) -> list[Any]:
        return [
            self.query("select * from tmdb_movie order by movie_id"),
            self.query("select * from tmdb_request order by movie_id"),
            self.query("select * from quarantine where source = 'tmdb' order by raw_key, line"),
            self.query("select * from ingested_file where name like 'tmdb/%' order by sha256"),
        ]


@pytest.fixture
def world(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in stack.environment("tasks").items():
        monkeypatch.setenv(name, value)
    settings = Settings().model_copy(update={"tmdb_requests_per_second": 1e9})
    with connect(settings) as conn:
        conn.execute("truncate movie, rating, tmdb_movie, tmdb_request")
        conn.execute("delete from quarantine where source = 'tmdb'")
        conn.execute("delete from ingested_file where name = %s", [CHANGES])
        add_movie(conn, ONE)
        add_movie(conn, TWO, votes=200)
        add_movie(conn, THREE, votes=3000)
    return World(settings, tmp_path / "source")


def add_movie(conn: psycopg.Connection, movie_id: str, year: int | None = 2001, votes: int = 0, is_adult: bool = False) -> None:
    conn.execute("insert into movie values (%s, 'movie', 'A', 'A', %s, %s, null, null, '{}')", [movie_id, is_adult, year])
    if votes:
        conn.execute("insert into rating values (%s, 7.0, %s)", [movie_id, votes])


@pytest.fixture
def second_a_movie(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which asking for one movie takes a second."""
    clock = count()
    monkeypatch.setattr(ingest_tmdb, "monotonic", lambda: float(next(clock)))


pytestmark = pytest.mark.integration


def test_a_first_run_asks_for_all_movies(world: World) -> None:
    assert sorted(world.run(DAY, make_movie(1), make_movie(2))) == [ONE, TWO, THREE]
    assert world.outcomes() == {ONE: "found", TWO: "found", THREE: "absent"}
    rows = world.query("select movie_id, raw_key, raw_row, requested_on from tmdb_request order by raw_row")
    assert [(row[0], row[2], row[3]) for row in rows] == [(THREE, 0, DAY), (TWO, 1, DAY), (ONE, 2, DAY)]

    [raw_key] = {row[1] for row in rows}
    batch = pq.read_table(io.BytesIO(Bucket.from_settings(world.settings).read(raw_key))).to_pylist()
    assert batch[2] == {"movie_id": ONE, "status": 200, "body": render(make_movie(1))}
    found = world.query("select movie_id, tmdb_id, title, budget, genres, companies, raw_key, raw_row from tmdb_movie order by 1")
    assert found[0] == (ONE, 101, "Film 1", 1_000_000, ["Drama"], ["Kornvik Film"], raw_key, 2)
    assert len(found) == 2


def test_the_same_day_again_asks_for_no_movie_and_changes_nothing(world: World) -> None:
    movies = [make_movie(1), make_movie(2, id=None)]
    world.run(DAY, *movies, changes=[(DAY.isoformat(), 101)])
    before = world.state()
    assert world.run(DAY, *movies, changes=[(DAY.isoformat(), 101)]) == []
    assert world.outcomes() == {ONE: "found", TWO: "quarantined", THREE: "absent"}
    assert world.state() == before


def test_a_day_again_that_is_not_the_first_changes_nothing(world: World) -> None:
    """It asks for the changes of the same days, so that their record is the same, and takes those that are new."""
    movies, changes = [make_movie(1), make_movie(2)], [((NEXT - timedelta(days=2)).isoformat(), 101)]
    world.run(NEXT - timedelta(days=9), *movies)
    world.run(NEXT, *movies, changes=changes)
    before = world.state()
    assert world.run(NEXT, *movies, changes=changes) == []
    assert world.state() == before
    world.run(NEXT, *movies, changes=[*changes, (NEXT.isoformat(), 102)])
    assert world.query("select day, lines from ingested_file where name like 'tmdb/%' and is_current") == [(NEXT, 2)]
    late = world.state()
    world.run(NEXT - timedelta(days=3), *movies, changes=changes)
    assert world.state() == late


def test_what_cannot_be_read_is_set_aside_with_its_reason(world: World) -> None:
    world.run(DAY, make_movie(1, id="?"), make_movie(2, budget="lots"))
    [(line, reason, record)] = world.query("select line, reason, record from quarantine where source = 'tmdb'")
    assert (line, reason) == (2, "id is '?': it must be a positive whole number")
    assert record == render(make_movie(1, id="?")).decode()
    assert world.query("select movie_id, budget from tmdb_movie") == [(TWO, None)]


def test_changed_movies_are_asked_for_again(world: World) -> None:
    world.run(DAY, make_movie(1), make_movie(2))
    changes = [(NEXT.isoformat(), 101), (NEXT.isoformat(), 999), ("2026-10-01", 102)]
    assert world.run(NEXT, make_movie(1, title="New"), make_movie(2), changes=changes) == [ONE]
    assert world.query("select title from tmdb_movie order by movie_id") == [("New",), ("Film 2",)]
    assert world.query("select day, lines, loaded, skipped from ingested_file where name like 'tmdb/%' and is_current") == [
        (NEXT, 2, 1, 1)
    ]


def test_changes_of_the_days_without_a_run_are_not_lost(world: World) -> None:
    world.run(DAY, make_movie(1), make_movie(2))
    late = DAY + timedelta(days=40)
    changes = [((DAY + timedelta(days=3)).isoformat(), 101), ((DAY + timedelta(days=29)).isoformat(), 102)]
    assert sorted(world.run(late, make_movie(1), make_movie(2), changes=changes)) == [ONE, TWO, THREE]  # Three is an old blank


@pytest.mark.usefixtures("second_a_movie")
def test_changes_for_which_there_was_no_time_are_taken_by_the_next_run(world: World) -> None:
    world.run(DAY, make_movie(1), make_movie(2))
    changes = [(NEXT.isoformat(), 101), (NEXT.isoformat(), 102)]
    assert world.run(NEXT, make_movie(1), make_movie(2), changes=changes, hours=1.5 / 3600) == [TWO]
    assert world.run(NEXT + timedelta(days=1), make_movie(1), make_movie(2), changes=changes) == [TWO, ONE]


def test_a_movie_that_tmdb_did_not_know_is_asked_for_again_after_30_days(world: World) -> None:
    world.run(DAY, make_movie(1), make_movie(2))
    assert world.run(DAY + timedelta(days=29), make_movie(1), make_movie(2), make_movie(3)) == []
    assert world.run(DAY + timedelta(days=30), make_movie(1), make_movie(2), make_movie(3)) == [THREE]
    assert world.outcomes()[THREE] == "found"
    assert world.query("select blank_since from tmdb_request where blank_since is not null") == []


def test_a_movie_that_tmdb_never_knows_is_asked_for_ever_more_rarely(world: World) -> None:
    asked = [after for after in range(0, 2600, 10) if THREE in world.run(DAY + timedelta(days=after), make_movie(1))]
    assert asked == [0, 30, 60, 120, 240, 480, 960, 1440, 1920, 2400]


def test_a_movie_that_tmdb_deleted_goes(world: World) -> None:
    world.run(DAY, make_movie(1), make_movie(2))
    world.run(NEXT, make_movie(2), changes=[(NEXT.isoformat(), 101)])
    assert world.outcomes()[ONE] == "absent"
    assert world.query("select movie_id from tmdb_movie") == [(TWO,)]


def test_a_tmdb_id_that_moves_to_another_movie_moves(world: World) -> None:
    world.run(DAY, make_movie(1), make_movie(2))
    changes = [(NEXT.isoformat(), 102)]
    assert world.run(NEXT, make_movie(1), make_movie(2, id=101), changes=changes) == [TWO]
    assert world.query("select movie_id, tmdb_id from tmdb_movie") == [(TWO, 101)]
    assert world.outcomes() == {ONE: "quarantined", TWO: "found", THREE: "absent"}
    assert world.query("select reason from quarantine where source = 'tmdb'") == [(f"TMDB 101 became {TWO}",)]


@pytest.mark.usefixtures("second_a_movie")
def test_when_the_time_is_over_the_next_run_goes_on(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    movies = [make_movie(1), make_movie(2)]
    assert [world.run(DAY, *movies, hours=1.5 / 3600) for _ in range(4)] == [[THREE], [TWO], [ONE], []]
    assert "TMDB_HOURS_PER_RUN are over: 2 movies are left for later runs" in caplog.text


def test_movies_to_come_and_of_the_last_years_are_first_then_the_most_voted_and_adult_ones_not_at_all(world: World) -> None:
    with connect(world.settings) as conn:
        add_movie(conn, "tt70000010", year=DAY.year + 1)
        add_movie(conn, "tt70000011", year=DAY.year - 2, votes=5)
        add_movie(conn, "tt70000012", year=DAY.year - 3, votes=5)
        add_movie(conn, "tt70000013", year=None)
        add_movie(conn, "tt70000014", year=DAY.year, votes=9000, is_adult=True)
        planned = read_plan(conn, [], DAY)
    assert planned == Plan(["tt70000011", "tt70000010", THREE, TWO, "tt70000012", "tt70000013", ONE], changed=0)


def test_without_movies_it_says_what_to_run_first(world: World) -> None:
    with connect(world.settings) as conn:
        conn.execute("truncate movie")
    with pytest.raises(BadInput, match="run ingest_imdb first"):
        world.run(DAY, make_movie(1))


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


def test_a_page_from_something_in_between_ends_no_run(world: World) -> None:
    pages = {
        f"/3/movie/{TWO}": [Fault(403, HTML)],
        f"/3/movie/{THREE}": [Fault(302, b"", {"Location": "https://login.example/"})],
    }
    world.run(DAY, make_movie(1), make_movie(2), faults=pages)
    assert world.outcomes() == {ONE: "found", TWO: "found", THREE: "absent"}


def test_two_runs_at_once_are_refused(world: World) -> None:
    with take(world.settings, "ingest_tmdb"), pytest.raises(Unavailable, match="ingest_tmdb is at work for by hand"):
        world.run(DAY, make_movie(1))
    assert world.outcomes() == {}


@pytest.mark.parametrize("token", [None, "", " "])
def test_without_a_token_it_says_so_and_ends_well(caplog: pytest.LogCaptureFixture, token: str | None) -> None:
    caplog.set_level(logging.INFO)
    nowhere = {"movies_database_url": "postgresql://127.0.0.1:9/x", "feast_registry_url": "x", "feast_redis": "x"}
    settings = Settings.model_validate({**nowhere, "mlflow_tracking_uri": "x", "tmdb_access_token": token})
    ingest_tmdb.run(settings, DAY, create_autospec(Lease))
    assert "runs on IMDb alone" in caplog.text
