"""The published predictions of all movies: one read-only SQLite file, read by id and searched by title."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from serving.core.errors import NoPredictionSet
from serving.core.requested_id import RequestedId
from serving.prediction_set import title_search, word_search
from serving.prediction_set.metadata import Metadata, PredictionSetRejected, read_metadata
from serving.prediction_set.title_search import COLUMNS

FORMAT = "2"
SEARCH_SECONDS = 0.01
"""Time limit for a search, which blocks the event loop; after it, the movies that were found until then are returned."""
STEPS_BETWEEN_CLOCKS = 50
"""Steps of SQLite's virtual machine between two checks of the time; one step may skip many movies."""

_BY_IMDB = f"select {COLUMNS} from movie where movie_id = ?"  # noqa: S608  # our own names
_BY_TMDB = f"select {COLUMNS} from movie where tmdb_id = ?"  # noqa: S608


Search = Callable[[sqlite3.Connection, str, int], Iterable[tuple[Any, ...]]]
"""Yields rows with COLUMNS for a text, at most the given number of each kind of match."""


class PublishedMovie(NamedTuple):
    """The published prediction of one movie; `rating` is rounded as the API rounds it, `features_as_of` is UTC."""

    movie_id: str
    tmdb_id: int | None
    title: str | None
    year: int | None
    rating: float
    model_output: float
    features_as_of: datetime


class PredictionDatabase:
    """An open prediction database, for one thread at a time. Errors of SQLite are raised as NoPredictionSet."""

    def __init__(self, connection: sqlite3.Connection, metadata: Metadata, search: Search) -> None:
        self._connection, self.metadata, self._search = connection, metadata, search
        self._due = 0.0

    @classmethod
    def open(cls, path: Path, sha256: str) -> Self:
        """Open the file and verify its digest. Raise PredictionSetRejected. Blocks, because it reads the whole file."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            raise PredictionSetRejected(f"the file cannot be read: {error}") from None
        if digest != sha256:
            raise PredictionSetRejected(f"the file has sha256 {digest[:12]}…, not {sha256[:12]}…")
        connection = None
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
            connection.execute(f"pragma mmap_size = {size}")  # the page cache is shared by all workers
            connection.execute("pragma trusted_schema = off")
            search = choose_search(connection)
            metadata = read_metadata(connection, sha256)
            list(search(connection, "the", 1))  # its tables can be queried
        except (sqlite3.Error, PredictionSetRejected) as error:
            if connection is not None:
                connection.close()
            raise PredictionSetRejected(f"it is not a prediction database: {error}") from None
        return cls(connection, metadata, search)

    def close(self) -> None:
        """Close the file; later reads raise NoPredictionSet."""
        self._connection.close()

    def sample_ids(self, count: int) -> list[str]:
        """Return the IMDb ids of up to `count` movies, evenly spread over the set. Raise NoPredictionSet."""
        step = max(1, self.metadata.movies // count)
        query = "select movie_id from movie where id in (select value from json_each(?)) order by id"
        try:
            rows = self._connection.execute(query, (str([1 + number * step for number in range(count)]),)).fetchall()
        except sqlite3.Error as error:
            raise NoPredictionSet(f"the prediction database cannot be read ({error})") from error
        return [movie_id for (movie_id,) in rows]

    def find(self, requested_id: RequestedId) -> PublishedMovie | None:
        """Return the prediction of one movie by its IMDb or TMDB id; None when it is not in the set. Raise NoPredictionSet."""
        query, value = (_BY_IMDB, requested_id.movie_id) if requested_id.movie_id else (_BY_TMDB, requested_id.tmdb_id)
        try:
            found = self._connection.execute(query, (value,)).fetchone()
        except sqlite3.Error as error:
            raise NoPredictionSet(f"the prediction database cannot be read ({error})") from error
        return to_movie(found) if found else None

    def search(self, text: str, limit: int) -> list[PublishedMovie]:
        """Return up to `limit` movies, the closest titles first and, of equally close ones, those with the most votes.

        See title_search. Raise NoPredictionSet. When the search takes longer than SEARCH_SECONDS, some matches are left out.
        """
        if limit < 1:
            return []
        self._due = time.monotonic() + SEARCH_SECONDS
        self._connection.set_progress_handler(self._is_late, STEPS_BETWEEN_CLOCKS)
        best: dict[str, PublishedMovie] = {}
        try:
            for row in self._search(self._connection, text, limit):
                best.setdefault(row[0], to_movie(row))
                if len(best) == limit:
                    break
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
                raise NoPredictionSet(f"the prediction database cannot be searched ({error})") from error
        finally:
            self._connection.set_progress_handler(None, 0)
        return list(best.values())

    def _is_late(self) -> bool:
        return time.monotonic() > self._due


def choose_search(connection: sqlite3.Connection) -> Search:
    """Return the search for the form of the file; make an earlier release's table readable under its new name.

    Raise PredictionSetRejected for a form of a later release.
    """
    found = connection.execute("select value from about where key = 'format'").fetchone()
    if found is None:
        connection.execute(word_search.RENAME)
        return word_search.find
    if found[0] != FORMAT:
        raise PredictionSetRejected(f"its format is {found[0]}, and this release reads {FORMAT} and earlier ones")
    return title_search.find


def to_movie(row: Sequence[Any]) -> PublishedMovie:
    """Return the movie of a row with the columns _COLUMNS."""
    *same, features_as_of = row
    return PublishedMovie._make([*same, to_datetime(features_as_of)])


@lru_cache(maxsize=256)
def to_datetime(seconds: int) -> datetime:
    """Return the time in UTC. seconds: Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)
