"""Reads a large object piece by piece, and goes on where a connection was cut."""

from collections.abc import Iterator
from functools import partial

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from tasks.io.s3.bucket import ATTEMPTS, Bucket
from tasks.io.s3.errors import to_task_error

PIECE_BYTES = 1 << 20


def stream(bucket: Bucket, key: str) -> Iterator[bytes]:
    """Yield the object's bytes.

    Raises BadInput if the object does not exist, Unavailable if ATTEMPTS connections in turn bring no byte.
    """
    done = failed = 0
    while True:
        get = partial(bucket.client.get_object, Bucket=bucket.name, Key=key)
        answer = bucket.call(key, partial(get, Range=f"bytes={done}-") if done else get)
        try:
            for piece in answer["Body"].iter_chunks(PIECE_BYTES):
                done, failed = done + len(piece), 0
                yield piece
        except (BotoCoreError, HTTPError) as error:
            failed += 1
            if failed == ATTEMPTS:
                raise to_task_error(error, f"s3://{bucket.name}/{key}", bucket.client.meta.endpoint_url) from error
        else:
            return
