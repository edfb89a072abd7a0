"""TMDB as these tests meet it: the local source server, and a client of it."""

from collections.abc import Callable
from datetime import date

from infra.sources.faults import FaultyApp
from tasks.core.tmdb.batch import Answer
from tasks.io.tmdb.client import Tmdb
from tests.infra.sources.folder import make_movie

TOKEN = "canary-v4-token-5f1c"
ONE = "/3/movie/tt70000001"
MOVIES = [make_movie(1), make_movie(2)]
CHANGES_DAY = date(2026, 3, 1)


class Source:
    """The server as it runs, and a client of it."""

    def __init__(self, app: FaultyApp, tmdb: Tmdb, base_url: str) -> None:
        self.app, self.tmdb, self.base_url = app, tmdb, base_url

    def fetch(self, movie_id: str = "tt70000001") -> Answer | None:
        return self.tmdb.fetch_movie(movie_id)


Start = Callable[..., Source]
