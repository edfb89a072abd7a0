"""IMDb's published files over HTTP: fetched whole or not at all, and kept in the bucket before anyone reads them."""

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
    """Fetch `name` into `folder` and keep it in the bucket; None if the source says that what is `known` has not changed.

    Two tasks may fetch the same file at once: the bucket keeps one copy, since the key is the hash of the bytes.
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
    """The file's bytes from the bucket, for one that has not changed at the source."""
    path = folder / name
    bucket.download(raw_key, path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 not in raw_key:
        raise Unavailable(f"s3://{bucket.name}/{raw_key} has other bytes than its name says: sha256 {sha256}")
    return path


def read_pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
