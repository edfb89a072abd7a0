"""Tests the movies that ingest_tmdb asks for: their order, the time limit, and the day of the next request."""

import logging
from datetime import timedelta

import pytest

from tasks.core.errors import BadInput
from tasks.io.postgres.connection import connect
from tasks.io.postgres.tmdb_plan import Plan, read_plan
from tests.infra.sources.folder import make_movie
from tests.tasks.ingest_tmdb.world import DAY, NEXT, ONE, THREE, TWO, World, add_movie

pytestmark = pytest.mark.integration


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


def test_without_movies_it_names_the_task_to_run_first(world: World) -> None:
    with connect(world.settings) as conn:
        conn.execute("truncate movie")
    with pytest.raises(BadInput, match="run ingest_imdb first"):
        world.run(DAY, make_movie(1))
