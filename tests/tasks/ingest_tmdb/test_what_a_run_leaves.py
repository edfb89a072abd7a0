"""ingest_tmdb on the real stores: what a run leaves, and that it leaves it once."""

import io
import logging
from datetime import timedelta
from unittest.mock import create_autospec

import pyarrow.parquet as pq
import pytest

from tasks import ingest_tmdb
from tasks.core.errors import Unavailable
from tasks.io.postgres.lease import Lease, take
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.infra.sources.folder import make_movie, render
from tests.tasks.ingest_tmdb.world import DAY, NEXT, ONE, THREE, TWO, World

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


def test_a_movie_that_tmdb_deleted_is_removed(world: World) -> None:
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


def test_two_runs_at_once_are_refused(world: World) -> None:
    with take(world.settings, "ingest_tmdb"), pytest.raises(Unavailable, match="ingest_tmdb is at work for by hand"):
        world.run(DAY, make_movie(1))
    assert world.outcomes() == {}


@pytest.mark.parametrize("token", [None, "", " "])
def test_without_a_token_it_logs_that_and_succeeds(caplog: pytest.LogCaptureFixture, token: str | None) -> None:
    caplog.set_level(logging.INFO)
    nowhere = {"movies_database_url": "postgresql://127.0.0.1:9/x", "feast_registry_url": "x", "feast_redis": "x"}
    settings = Settings.model_validate({**nowhere, "mlflow_tracking_uri": "x", "tmdb_access_token": token})
    ingest_tmdb.run(settings, DAY, create_autospec(Lease))
    assert "runs on IMDb alone" in caplog.text
