"""The sample's world as TMDB's API answers from it."""

from collections.abc import Iterable
from datetime import date

from infra.sources.world.world import WorldDay


class WorldTmdb:
    """The movies of one day of the sample's world. An answer is rendered when it is asked for."""

    def __init__(self, world_day: WorldDay) -> None:
        self._day = world_day

    @property
    def today(self) -> date:
        return self._day.day

    def find_by_imdb_id(self, movie_id: str) -> bytes | None:
        entry = self._day.by_imdb_id.get(movie_id)
        return None if entry is None else self._day.render_tmdb(entry)

    def find_by_tmdb_id(self, tmdb_id: int) -> bytes | None:
        entry = self._day.by_tmdb_id.get(tmdb_id)
        return None if entry is None else self._day.render_tmdb(entry)

    def list_changes(self, start: date, end: date) -> Iterable[int]:
        return (tmdb_id for _, tmdb_id in sorted(self._day.list_changes(start, end)))
