"""Past days from the archive of raw files, on the real stores: the same rows as on the day, and every other day as before."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from infra.sources.server import create_world_app
from infra.sources.world.store import ServedWorld
from tasks import build_features, ingest_imdb, ingest_tmdb
from tasks.core.errors import Unavailable, WrongDay
from tasks.core.features.compute import Tables
from tasks.core.features.content import TIMES
from tasks.io.feast import latest_rows, offline_store
from tasks.io.feast.feature_build import Build
from tasks.io.past_tables import PastTables
from tasks.io.postgres import raw_objects
from tasks.io.postgres.connection import connect
from tasks.io.postgres.movies import read_tables
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.infra.sources.running import run_app
from tests.tasks.offline import read_present
from tests.tasks.settings_factory import in_environment, run_verb

pytestmark = pytest.mark.integration

MOVIES = 400
STEP = timedelta(days=9)
MOVES = 3


class Past:
    """A platform that ingested and built on four days, nine days apart: what its database and its record held on each."""

    def __init__(self, settings: Settings, world: ServedWorld) -> None:
        self.settings, self.days = settings, [world.today().day + STEP * number for number in range(MOVES + 1)]
        self.tables: dict[date, Tables] = {}
        for day in self.days:
            world.move(day)
            run_verb(ingest_imdb, settings, day)
            run_verb(ingest_tmdb, settings, day)
            with connect(settings) as conn:
                self.tables[day] = read_tables(conn)
            run_verb(build_features, settings, day)
        self.record = self.read_record()

    def read_record(self) -> dict[date, pl.DataFrame]:
        """The rows as of every day from the first to the last."""
        table = offline_store.open_table()
        assert table is not None
        calendar = [self.days[0] + timedelta(number) for number in range((self.days[-1] - self.days[0]).days + 1)]
        return {day: read_present(table, day).drop(TIMES) for day in calendar}

    def read_archive(self, past: PastTables, day: date) -> Tables:
        with connect(self.settings) as conn:
            return past.read(raw_objects.read_files(conn, day), raw_objects.read_batches(conn, day), day)

    def begin_anew(self, *days: date) -> None:
        """Forget the record, and build it on these days alone."""
        offline_store._catalog().drop_table(offline_store.TABLE)
        for day in days:
            run_verb(build_features, self.settings, day)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder: Path = tmp_path_factory.mktemp("past")
    world = ServedWorld(folder / "world", MOVIES, 1, "none")
    with started_stack(folder / "stack") as stack, run_app(create_world_app(world)) as url:
        source = {"WORLD_URL": f"{url}/world", "IMDB_BASE_URL": url, "TMDB_BASE_URL": url, "TMDB_ACCESS_TOKEN": "x" * 32}
        with in_environment(stack.environment("tasks") | source) as settings:
            yield Past(settings, world)


def count_snapshots() -> int:
    table = offline_store.open_table()
    assert table is not None
    return len(list(table.snapshots()))


def test_the_archive_has_the_tables_that_the_database_had_on_each_day(past: Past) -> None:
    archive = PastTables(Bucket.from_settings(past.settings))
    changed = 0
    for before, day in zip([None, *past.days], past.days, strict=False):
        read, held = past.read_archive(archive, day), past.tables[day]
        for name in ("movie", "rating", "crew", "credit", "tmdb_movie", "asked"):
            frame, expected = getattr(read, name), getattr(held, name)
            assert_frame_equal(frame, expected, check_row_order=False)
            changed += before is not None and expected.height != getattr(past.tables[before], name).height
    assert changed > MOVES, "the days differ, so that reading a wrong one would be seen"


def test_the_record_lists_the_movies_that_tmdb_was_asked_for(past: Past) -> None:
    """For all but the adult ones, which have the features of a movie that TMDB does not know."""
    table = offline_store.open_table()
    assert table is not None
    for day in past.days:
        asked, movies = latest_rows.read_asked(table, day), past.tables[day].movie
        assert asked["movie_id"].sort().equals(past.tables[day].asked["movie_id"].sort())
        assert 0 < asked.height < movies.height


def test_the_same_days_again_change_nothing(past: Past) -> None:
    snapshots = count_snapshots()
    for day in reversed(past.days):
        run_verb(build_features, past.settings, day)
    assert count_snapshots() == snapshots


def test_days_without_a_build_are_built_later_and_every_other_day_reads_as_before(past: Past) -> None:
    first, second, third, last = past.days
    past.begin_anew(first, last)
    with_gap = past.read_record()
    assert not with_gap[second].equals(past.record[second])
    run_verb(build_features, past.settings, third, since=second)
    filled = past.read_record()
    for day in past.days:
        assert_frame_equal(filled[day], past.record[day])
    for day in with_gap:
        if not second <= day <= third:
            assert_frame_equal(filled[day], with_gap[day])
    snapshots = count_snapshots()
    run_verb(build_features, past.settings, third, since=second)
    assert count_snapshots() == snapshots


def test_a_backfill_that_is_cut_off_leaves_later_days_as_they_were_and_goes_on(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third, last = past.days
    past.begin_anew(first, last)
    with_gap, append = past.read_record(), Build.append

    def cut_off(build: Build, computed: Iterable[pl.DataFrame]) -> None:
        if build.day > second:
            raise Unavailable("S3 does not answer")
        append(build, computed)

    with monkeypatch.context() as patch:
        patch.setattr(Build, "append", cut_off)
        with pytest.raises(Unavailable):
            run_verb(build_features, past.settings, third, since=second)
    half = past.read_record()
    assert_frame_equal(half[second], past.record[second])
    for day in with_gap:
        if not second <= day <= third:
            assert_frame_equal(half[day], with_gap[day])
    run_verb(build_features, past.settings, third, since=second)
    whole = past.read_record()
    for day in past.days:
        assert_frame_equal(whole[day], past.record[day])


def test_days_before_the_archive_and_days_in_the_wrong_order_are_refused(past: Past) -> None:
    first, second, *_ = past.days
    with pytest.raises(WrongDay, match=f"the archive of raw files begins on {first}: there is nothing to build"):
        run_verb(build_features, past.settings, first - timedelta(1))
    with pytest.raises(WrongDay, match=f"{second} is after {first}: give the first day"):
        run_verb(build_features, past.settings, first, since=second)
