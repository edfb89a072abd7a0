"""A TMDB that can be changed between runs of ingest_tmdb, and the stores that they leave."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from infra.sources.faults import Fault, FaultyApp
from infra.sources.server import create_app
from tasks import ingest_tmdb
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.infra.sources.folder import write_folder
from tests.infra.sources.running import run_app
from tests.tasks.settings_factory import run_verb

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


def add_movie(conn: psycopg.Connection, movie_id: str, year: int | None = 2001, votes: int = 0, is_adult: bool = False) -> None:
    conn.execute("insert into movie values (%s, 'movie', 'A', 'A', %s, %s, null, null, '{}')", [movie_id, is_adult, year])
    if votes:
        conn.execute("insert into rating values (%s, 7.0, %s)", [movie_id, votes])
