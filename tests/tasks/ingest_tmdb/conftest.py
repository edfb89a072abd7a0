"""The world that every test of ingest_tmdb starts from: three movies, and no trace of TMDB."""

from itertools import count
from pathlib import Path

import pytest

from infra.local.stack import Stack
from tasks import ingest_tmdb
from tasks.io.postgres.connection import connect
from tasks.io.postgres.tmdb_ledger import CHANGES
from tasks.settings import Settings
from tests.tasks.ingest_tmdb.world import ONE, THREE, TWO, World, add_movie


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


@pytest.fixture
def second_a_movie(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which asking for one movie takes a second."""
    clock = count()
    monkeypatch.setattr(ingest_tmdb, "monotonic", lambda: float(next(clock)))
