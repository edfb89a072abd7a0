"""Fetches IMDb's published files, whole or not at all, and keeps them in the bucket before they are parsed."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from tasks.core.errors import Unavailable
from tasks.core.imdb.raw_file import RawFile, Validators
from tasks.io.imdb.download import download
from tasks.io.s3.bucket import Bucket

log = logging.getLogger("tasks.imdb")

PIECE_BYTES = 1 << 20


def fetch_file(base_url: str, name: str, bucket: Bucket, folder: Path, known: Validators | None = None) -> RawFile | None:
    """Fetch `name` into `folder` and keep it in the bucket; return None if the source still has the version `known`.

    Two tasks may fetch the same file at once: the key is the hash of the bytes, so the bucket keeps one copy.
    """
    path, started = folder / name, monotonic()
    validators = download(f"{base_url.rstrip('/')}/{name}", path, known)
    if validators is None:
        log.info("%s: not changed at the source", name)
        return None
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    raw_key = f"raw/imdb/{name}/{sha256}.gz"
    stored = bucket.put_once(raw_key, path)
    size, seconds = path.stat().st_size, monotonic() - started
    log.info("%s: %d bytes in %.1f s, %s %s", name, size, seconds, "kept as" if stored else "already at", raw_key)
    return RawFile(name, path, raw_key, sha256, size, validators)


def read_raw_file(name: str, raw_key: str, bucket: Bucket, folder: Path) -> Path:
    """Read the file from the bucket into `folder`, for one that has not changed at the source."""
    path = folder / name
    bucket.download(raw_key, path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 not in raw_key:
        raise Unavailable(f"s3://{bucket.name}/{raw_key} has bytes of another sha256 than its name: {sha256}")
    return path


class CountedPieces:
    """The bytes of a file, piece by piece; `bytes_read` is the number of those that were taken so far."""

    def __init__(self, path: Path) -> None:
        self._path, self.bytes_read = path, 0

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                self.bytes_read += len(piece)
                yield piece
