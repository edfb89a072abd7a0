"""Reads IMDb's list of movies from its own files, for a task that runs while ingest_imdb is still loading them."""

import numpy as np
import pyarrow as pa

from tasks.core.errors import BadInput
from tasks.core.imdb.files import BASICS, RATINGS, SourceFile
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.keys import IdSet, compute_all_keys
from tasks.core.imdb.parse import parse_file
from tasks.io.imdb.files import RawPieces, fetch_file
from tasks.io.postgres.ingested_files import IngestedFile
from tasks.io.s3.bucket import Bucket


def fetch_titles(base_url: str, bucket: Bucket, current: dict[str, IngestedFile]) -> tuple[pa.Table, pa.Table]:
    """Return title.basics as (movie_id, is_adult) and title.ratings as (movie_id, num_votes).

    The bytes and the parser are those of ingest_imdb, so these are the movies that it loads.
    """

    def read(file: SourceFile, columns: list[str], ids: IdSet | None = None) -> pa.Table:
        raw_key = _fetch_or_find(file.name, base_url, bucket, current.get(file.name))
        blocks = parse_file(file, gunzip(RawPieces(bucket, raw_key)), ids)
        return pa.concat_tables([parsed.rows.select(columns) for parsed in blocks]).combine_chunks()

    movies = read(BASICS, ["movie_id", "is_adult"])
    ids = IdSet(np.unique(compute_all_keys(movies, ["movie_id"])))
    return movies, read(RATINGS, ["movie_id", "num_votes"], ids)


def _fetch_or_find(name: str, base_url: str, bucket: Bucket, known: IngestedFile | None) -> str:
    """Return the file's key in the bucket, after a fetch if IMDb has another version than the one that was ingested last."""
    raw = fetch_file(base_url, name, bucket, known.validators if known else None)
    if raw is not None:
        return raw.raw_key
    if known is None:
        raise BadInput(f"{base_url} answers that {name} has not changed, but no version of it was ever ingested")
    return known.raw_key
