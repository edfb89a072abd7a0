"""Fetches IMDb's published files into the bucket, whole or not at all, and reads them from there."""

import hashlib
import logging
from collections.abc import Iterator
from time import monotonic

from tasks.core.errors import Unavailable
from tasks.core.imdb.raw_file import RawFile, Validators
from tasks.io.imdb.download import download
from tasks.io.s3.bucket import Bucket
from tasks.io.s3.stream import stream
from tasks.io.s3.upload import Upload, remove_stale_uploads

log = logging.getLogger("tasks.imdb")


def fetch_file(base_url: str, name: str, bucket: Bucket, known: Validators | None = None) -> RawFile | None:
    """Fetch `name` into the bucket; return None if the source still has the version `known`.

    Two tasks may fetch the same file at once: the key is the hash of the bytes, so the bucket keeps one copy.
    """
    started, folder = monotonic(), f"raw/imdb/{name}"
    stale = remove_stale_uploads(bucket, folder)
    if stale:
        log.info("%s: removed what %d killed uploads had left", folder, stale)
    with Upload(bucket, folder) as upload:
        validators = download(f"{base_url.rstrip('/')}/{name}", upload, known)
        if validators is None:
            log.info("%s: not changed at the source", name)
            return None
        size = upload.size
        raw_key, sha256, stored = upload.finish("gz")
    seconds = monotonic() - started
    log.info("%s: %d bytes in %.1f s, %s %s", name, size, seconds, "kept as" if stored else "already at", raw_key)
    return RawFile(name, raw_key, sha256, size, validators)


class RawPieces:
    """The bytes of a file in the bucket, piece by piece; `bytes_read` is the number of those that were taken so far.

    Raises Unavailable at the end if they are not the bytes whose sha256 the key contains.
    """

    def __init__(self, bucket: Bucket, raw_key: str) -> None:
        self._bucket, self._raw_key, self.bytes_read = bucket, raw_key, 0

    def __iter__(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in stream(self._bucket, self._raw_key):
            self.bytes_read += len(piece)
            digest.update(piece)
            yield piece
        if digest.hexdigest() not in self._raw_key:
            place = f"s3://{self._bucket.name}/{self._raw_key}"
            raise Unavailable(f"{place} has bytes of another sha256 than its name: {digest.hexdigest()}")
