"""Rebuilds the TMDB tables as they were after a number of batches of answers."""

from collections import defaultdict

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.core.errors import BadInput
from tasks.core.tmdb.batch import MOVIE, RAW_BATCH, ROW, Answer, BatchRows


def parse_batch(body: bytes) -> list[Answer]:
    """Return the answers of a batch, the inverse of batch.render_batch. Raise BadInput for anything else."""
    try:
        table = pq.read_table(pa.BufferReader(body), schema=RAW_BATCH)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise BadInput(f"not a batch of TMDB's answers: {error}") from error
    return [Answer(**row) for row in table.to_pylist()]


class PastAnswers:
    """Table tmdb_movie after each batch, and the movies that were asked for, without a database."""

    def __init__(self) -> None:
        self._place: dict[str, tuple[int, int]] = {}  # movie_id -> batch and row
        self._owner: dict[int, str] = {}
        self._batches: list[pa.Table] = []
        self._asked: set[str] = set()

    def add(self, rows: BatchRows) -> None:
        """Apply the next batch: its movies replace older answers, and what TMDB does not have any more is gone."""
        self._asked.update(rows.requests.column("movie_id").to_pylist())
        for request in rows.requests.select(["movie_id", "outcome"]).to_pylist():
            if request["outcome"] == "absent":
                self._forget(request["movie_id"])
        movies = list(zip(*(rows.movies.column(name).to_pylist() for name in ("movie_id", "tmdb_id")), strict=True))
        for movie_id, tmdb_id in movies:
            # An id that now belongs to another movie takes the row of the one that had it.
            self._forget(self._owner.get(tmdb_id, movie_id))
            self._forget(movie_id)
        for row, (movie_id, tmdb_id) in enumerate(movies):
            self._place[movie_id] = (len(self._batches), row)
            self._owner[tmdb_id] = movie_id
        self._batches.append(rows.movies)

    def _forget(self, movie_id: str) -> None:
        place = self._place.pop(movie_id, None)
        if place is not None:
            batch, row = place
            del self._owner[self._batches[batch].column("tmdb_id")[row].as_py()]

    def read_asked(self) -> pl.DataFrame:
        """Return movie_id of every movie that was asked for, by movie_id."""
        return pl.DataFrame({"movie_id": sorted(self._asked)}, schema={"movie_id": pl.String})

    def read_movies(self) -> pa.Table:
        """Return the rows of tmdb_movie, in the order of their batches."""
        rows = defaultdict[int, list[int]](list)
        for batch, row in sorted(self._place.values()):
            rows[batch].append(row)
        taken = [self._batches[batch].take(numbers) for batch, numbers in rows.items()]
        return pa.concat_tables([pa.schema([*MOVIE, *ROW]).empty_table(), *taken])
