"""The published predictions of all movies: one read-only SQLite file, read by id and searched by title."""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from serving.core.errors import NoPredictionSet
from serving.core.requested_id import RequestedId
from serving.prediction_set.metadata import Metadata, PredictionSetRejected, read_metadata
from serving.prediction_set.title_query import fold, match_exactly, match_words

SEARCH_SECONDS = 0.01
"""Time limit for ranking the matches, which blocks the event loop; after it, matches are returned in file order."""
STEPS_BETWEEN_CLOCKS = 50
"""Steps of SQLite's virtual machine between two checks of the time; one step may skip many movies."""
CANDIDATES = 200
"""Number of best matches that are sorted again, because short titles often have the same rank."""

_COLUMNS = "film.movie_id, film.tmdb_id, film.title, film.year, film.rating, film.model_output, film.features_as_of"
_BY_IMDB = f"select {_COLUMNS} from film where movie_id = ?"  # noqa: S608  # our own names
_BY_TMDB = f"select {_COLUMNS} from film where tmdb_id = ?"  # noqa: S608
_BEST = f"""
    select hit.rank, {_COLUMNS}
    from (select rowid, rank from title_search where title_search match ? order by rank limit ?) as hit
    join film on film.id = hit.rowid
"""  # noqa: S608
_FIRST = f"""
    select 0.0, {_COLUMNS}
    from (select rowid from title_search where title_search match ? limit ?) as hit join film on film.id = hit.rowid
"""  # noqa: S608


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

    def __init__(self, connection: sqlite3.Connection, metadata: Metadata) -> None:
        self._connection, self.metadata = connection, metadata
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
            metadata = read_metadata(connection, sha256)
            connection.execute(_BEST, (match_words("the"), 1)).fetchone()  # its tables can be queried
        except (sqlite3.Error, PredictionSetRejected) as error:
            if connection is not None:
                connection.close()
            raise PredictionSetRejected(f"it is not a prediction database: {error}") from None
        return cls(connection, metadata)

    def close(self) -> None:
        """Close the file; later reads raise NoPredictionSet."""
        self._connection.close()

    def sample_ids(self, count: int) -> list[str]:
        """Return the IMDb ids of up to `count` movies, evenly spread over the set. Raise NoPredictionSet."""
        step = max(1, self.metadata.movies // count)
        query = "select movie_id from film where id in (select value from json_each(?)) order by id"
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
        """Return up to `limit` movies whose titles have all these words; the last word may be unfinished. Raise NoPredictionSet.

        Titles with exactly these words come first; the others are sorted by bm25, then by year, newest first. When ranking
        takes longer than SEARCH_SECONDS, some of the matches are returned unranked.
        """
        words, exactly = match_words(text), match_exactly(text)
        if not words or limit < 1:
            return []
        self._due = time.monotonic() + SEARCH_SECONDS
        self._connection.set_progress_handler(self._is_late, STEPS_BETWEEN_CLOCKS)
        hits: list[tuple[float, PublishedMovie]] = []
        try:
            for query in (exactly, words):
                hits += self._select(_BEST, query, max(limit, CANDIDATES))
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
                raise NoPredictionSet(f"the prediction database cannot be searched ({error})") from error
            self._connection.set_progress_handler(None, 0)
            hits += self._select(_FIRST, words, limit)
        finally:
            self._connection.set_progress_handler(None, 0)
        folded, best = fold(text), {movie.movie_id: (rank, movie) for rank, movie in hits}  # the rank of `words` wins
        order = sorted(best.values(), key=lambda hit: (fold(hit[1].title or "") != folded, hit[0], -(hit[1].year or 0)))
        return [movie for _, movie in order[:limit]]

    def _select(self, query: str, match: str, limit: int) -> list[tuple[float, PublishedMovie]]:
        return [(rank, to_movie(row)) for rank, *row in self._connection.execute(query, (match, limit))]

    def _is_late(self) -> bool:
        return time.monotonic() > self._due


def to_movie(row: Sequence[Any]) -> PublishedMovie:
    """Return the movie of a row with the columns _COLUMNS."""
    *same, features_as_of = row
    return PublishedMovie._make([*same, to_datetime(features_as_of)])


@lru_cache(maxsize=256)
def to_datetime(seconds: int) -> datetime:
    """Return the time in UTC. seconds: Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)
