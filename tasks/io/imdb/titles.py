"""Reads IMDb's list of movies from its own files, for a task that runs while ingest_imdb is still loading them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from tasks.core.errors import BadInput
from tasks.core.imdb.files import BASICS, RATINGS, SourceFile
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.parse import parse_file
from tasks.io.imdb.files import CountedPieces, fetch_file, read_raw_file
from tasks.io.postgres.ingested_files import IngestedFile
from tasks.io.s3.bucket import Bucket


def fetch_titles(base_url: str, bucket: Bucket, current: dict[str, IngestedFile]) -> tuple[pa.Table, pa.Table]:
    """Return title.basics as (movie_id, is_adult) and title.ratings as (movie_id, num_votes).

    The bytes and the parser are those of ingest_imdb, so these are the movies that it loads.
    """

    def read(file: SourceFile, columns: list[str]) -> pa.Table:
        path = _fetch_or_read(file.name, base_url, bucket, current.get(file.name), Path(folder))
        return pa.concat_tables([parsed.rows.select(columns) for parsed in parse_file(file, gunzip(CountedPieces(path)))])

    with TemporaryDirectory(prefix="marquee-titles-") as folder:
        return read(BASICS, ["movie_id", "is_adult"]), read(RATINGS, ["movie_id", "num_votes"])


def _fetch_or_read(name: str, base_url: str, bucket: Bucket, known: IngestedFile | None, folder: Path) -> Path:
    """Fetch the file from IMDb, or read it from the bucket if IMDb still has the version that was ingested last."""
    raw = fetch_file(base_url, name, bucket, folder, known.validators if known else None)
    if raw is not None:
        return raw.path
    if known is None:
        raise BadInput(f"{base_url} answers that {name} has not changed, but no version of it was ever ingested")
    return read_raw_file(name, known.raw_key, bucket, folder)
