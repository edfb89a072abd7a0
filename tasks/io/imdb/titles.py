"""The films that IMDb lists, from its own files: for those who cannot wait until ingest_imdb has loaded them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from tasks.core.errors import BadInput
from tasks.core.imdb.files import BASICS, RATINGS, SourceFile
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.parse import parse_file
from tasks.io.imdb.files import fetch_file, read_pieces, read_raw_file
from tasks.io.postgres.ingested_files import IngestedFile
from tasks.io.s3.bucket import Bucket


def fetch_titles(base_url: str, bucket: Bucket, current: dict[str, IngestedFile]) -> tuple[pa.Table, pa.Table]:
    """title.basics as (movie_id, is_adult) and title.ratings as (movie_id, num_votes).

    The same bytes and the same parser as ingest_imdb's, so the films are those that it loads or is loading at this moment.
    """

    def read(file: SourceFile, columns: list[str]) -> pa.Table:
        path = _fetch_or_read(file.name, base_url, bucket, current.get(file.name), Path(folder))
        return pa.concat_tables([parsed.rows.select(columns) for parsed in parse_file(file, gunzip(read_pieces(path)))])

    with TemporaryDirectory(prefix="marquee-titles-") as folder:
        return read(BASICS, ["movie_id", "is_adult"]), read(RATINGS, ["movie_id", "num_votes"])


def _fetch_or_read(name: str, base_url: str, bucket: Bucket, known: IngestedFile | None, folder: Path) -> Path:
    """The file from IMDb; from the bucket, if IMDb says that it is the one ingested last."""
    raw = fetch_file(base_url, name, bucket, folder, known.validators if known else None)
    if raw is not None:
        return raw.path
    if known is None:
        raise BadInput(f"{base_url} says that {name} has not changed, to one who never had it")
    return read_raw_file(name, known.raw_key, bucket, folder)
