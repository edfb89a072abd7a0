"""Download one prediction database from S3, verify and try it, and store it in the cache, as a separate process.

It is a separate process because boto3 costs memory and a bad file may crash the process that opens it. The file is not
opened before its size and digest are equal to those of the deployment.
"""

import argparse
import hashlib
import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from serving.core.rating import HIGHEST_RATING, LOWEST_RATING
from serving.core.requested_id import RequestedId
from serving.prediction_set.cache import PredictionSetCache
from serving.prediction_set.database import PredictionDatabase, choose_search
from serving.prediction_set.metadata import PredictionSetRejected

log = logging.getLogger("serving.prediction_set.fetch_child")

MAX_DATABASE_BYTES = 2**30
"""Maximum size; all movies of IMDb take a tenth of it."""
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 10, 2
"""Limits of a download. It retries little, because the service's next poll tries again."""
PIECE_BYTES = 2**20
_IMPLAUSIBLE = "select movie_id, rating from movie where not (rating between ? and ? and model_output between ? and ?) limit 1"


def fetch_prediction_set(bucket: str, key: str, sha256: str, size: int, cache: PredictionSetCache) -> None:
    """Fetch, verify, try and store one database. Raise PredictionSetRejected, or boto3's own errors when S3 does not answer."""
    if not 0 < size <= MAX_DATABASE_BYTES:
        raise PredictionSetRejected(f"the deployment says it has {size} bytes; at most {MAX_DATABASE_BYTES} are fetched")
    with tempfile.NamedTemporaryFile(dir=cache.directory, prefix="incoming-", delete=False) as file:
        path = Path(file.name)
        try:
            digest, length = hashlib.sha256(), 0
            for piece in read_object(bucket, key, size):
                length += len(piece)
                if length > size:
                    break
                digest.update(piece)
                file.write(piece)
            if length != size:
                raise PredictionSetRejected(f"s3://{bucket}/{key} does not have {size} bytes, as the deployment says")
            if digest.hexdigest() != sha256:
                raise PredictionSetRejected(f"s3://{bucket}/{key} has sha256 {digest.hexdigest()[:12]}…, not {sha256[:12]}…")
            file.flush()
            os.fsync(file.fileno())
            check_database(path, sha256)
            path.replace(cache.path(sha256))
        finally:
            path.unlink(missing_ok=True)


def read_object(bucket: str, key: str, size: int) -> Iterator[bytes]:
    """Yield the object's bytes in pieces. Raise PredictionSetRejected before the first piece when S3 reports another size."""
    import boto3  # noqa: PLC0415  # only this process pays for the import
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client(
        "s3",
        region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            s3={"addressing_style": "path" if os.environ.get("AWS_ENDPOINT_URL_S3") else "auto"},
        ),
    )
    found = client.get_object(Bucket=bucket, Key=key)
    with closing(found["Body"]) as body:
        if found["ContentLength"] != size:
            raise PredictionSetRejected(f"s3://{bucket}/{key} has {found['ContentLength']} bytes, the deployment says {size}")
        yield from body.iter_chunks(PIECE_BYTES)


def check_database(path: Path, sha256: str) -> None:
    """Open the file as the service does, then read and search it. Raise PredictionSetRejected."""
    with (
        closing(PredictionDatabase.open(path, sha256)) as database,
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection,
    ):
        try:
            choose_search(connection)
            if (verdict := connection.execute("pragma quick_check").fetchone()[0]) != "ok":
                raise PredictionSetRejected(f"SQLite finds it damaged: {verdict}")
            implausible = connection.execute(_IMPLAUSIBLE, (LOWEST_RATING, HIGHEST_RATING) * 2).fetchone()
            ids = connection.execute("select movie_id from movie order by id desc limit 1").fetchone()
            titles = connection.execute("select title from movie where title is not null limit 1").fetchone()
        except sqlite3.Error as error:
            raise PredictionSetRejected(f"SQLite cannot read it: {error}") from None
        if implausible:
            raise PredictionSetRejected(f"it rates {implausible[0]} {implausible[1]}, which is not a rating from 1 to 10")
        if database.find(RequestedId(movie_id=ids[0])) is None:
            raise PredictionSetRejected(f"its movie {ids[0]} is not found by its id")
        if titles:
            database.search(titles[0], 10)


def main() -> int:
    """Exit codes (sysexits.h): 0 stored in the cache, 65 rejected with the reason on stderr, 75 S3 does not answer."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=main.__doc__)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--sha256", required=True)
    parser.add_argument("--bytes", required=True, type=int)
    parser.add_argument("--cache", required=True, type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    directory = arguments.cache.resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        fetch_prediction_set(arguments.bucket, arguments.key, arguments.sha256, arguments.bytes, PredictionSetCache(directory))
    except PredictionSetRejected as rejection:
        log.error("%s", rejection)
        return os.EX_DATAERR
    except Exception as error:  # noqa: BLE001  # errors of boto3, the network or the disk: a later poll tries again
        log.error("%s: %s", type(error).__name__, str(error)[:500].replace("\n", " "))
        return os.EX_TEMPFAIL
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
