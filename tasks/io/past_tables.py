"""Reads the tables of a past day from the archive of raw files, by the same parsers as the ingest of that day."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa

from tasks.core.errors import BadInput
from tasks.core.features.compact import compact_credits, compact_texts
from tasks.core.features.compute import Tables
from tasks.core.imdb.files import BASICS, CREW, PRINCIPALS, RATINGS
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.keys import IdSet, compute_keys
from tasks.core.imdb.parse import parse_file
from tasks.core.tmdb.batch import compute_batch_rows
from tasks.core.tmdb.past_answers import PastAnswers, parse_batch
from tasks.io.imdb.files import RawPieces
from tasks.io.postgres.movies import CREDIT, MOVIE, RATING, TMDB_MOVIE, Schema
from tasks.io.postgres.movies import CREW as CREW_COLUMNS
from tasks.io.s3.bucket import Bucket

READ = ((BASICS, MOVIE), (RATINGS, RATING), (CREW, CREW_COLUMNS), (PRINCIPALS, CREDIT))
"""The files that features are computed from; title.basics first, because it says which titles are not movies."""


class PastTables:
    """The tables that features are computed from, as the ingest of each of several days left them. Days come in order."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._files: Mapping[str, str] = {}
        self._frames: list[pl.DataFrame] = []
        self._batches: list[str] = []
        self._answers = PastAnswers()

    def read(self, files: Mapping[str, str], batches: Sequence[str], day: date) -> Tables:
        """Return the tables of the day. What is the same as on the day before is not read again.

        files: the key of each of IMDb's files, by name. batches: the keys of all TMDB's answers so far, in their order. Raise
        BadInput for a file that the archive does not have.
        """
        missing = [file.name for file, _ in READ if file.name not in files]
        if missing:
            raise BadInput(f"the archive has no {', '.join(missing)} of {day} or before")
        if files != self._files:
            self._frames, self._files = self._read_files(files), files
        for raw_key in batches[len(self._batches) :]:
            self._answers.add(compute_batch_rows(parse_batch(self._bucket.read(raw_key)), raw_key, day))
            self._batches.append(raw_key)
        movie, rating, crew, credit = self._frames
        return Tables(
            movie=movie,
            rating=rating.join(movie, on="movie_id", how="semi"),
            crew=crew,
            credit=credit,
            tmdb_movie=compact_texts(to_frame(self._answers.read_movies(), TMDB_MOVIE).join(movie, on="movie_id", how="semi")),
            asked=self._answers.read_asked().join(movie, on="movie_id", how="semi"),
        )

    def _read_files(self, files: Mapping[str, str]) -> list[pl.DataFrame]:
        frames, ids = list[pl.DataFrame](), None
        for file, schema in READ:
            blocks = parse_file(file, gunzip(RawPieces(self._bucket, files[file.name])), ids)
            # What the features do not need is not kept in memory.
            parts = (to_frame(parsed.rows, schema) for parsed in blocks)
            frames.append(pl.concat([compact_credits(part) if file is PRINCIPALS else part for part in parts]))
            ids = ids or IdSet(np.unique(compute_keys(frames[0]["movie_id"].to_arrow().cast(pa.string()))))
        return frames


def to_frame(table: pa.Table, schema: Schema) -> pl.DataFrame:
    """Return the table as postgres/movies.py reads it: the same types, and an empty list instead of null."""
    frame = pl.DataFrame(table.select(list(schema))).cast(dict(schema))  # type: ignore[arg-type]  # polars names its own type of a schema
    lists = [name for name, dtype in schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(pl.col(name).fill_null([]) for name in lists)
