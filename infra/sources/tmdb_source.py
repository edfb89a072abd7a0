"""The data behind the TMDB API of the sources' server: a folder of answers, or a day of the sample's world."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol


class TmdbSource(Protocol):
    """The movies that TMDB knows."""

    @property
    def today(self) -> date: ...

    def find_by_imdb_id(self, movie_id: str) -> bytes | None: ...

    def find_by_tmdb_id(self, tmdb_id: int) -> bytes | None: ...

    def list_changes(self, start: date, end: date) -> Iterable[int]:
        """Return the TMDB ids that changed from `start` to `end`, inclusive, in order of day; an id may be repeated."""
        ...
