"""Receipts as rows of Postgres's binary COPY format, put together by hand because 60 floats one by one cost ten times more."""

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.core.provenance import Provenance
from serving.receipts.receipt import Receipt

COLUMNS = (
    *("prediction_id", "answered_at", "rating", "model_output", "features_as_of", "deployment", "movie_id"),
    *("way", "source", "model_version", "model_sha256", "release_sha256", "feature_set", "snapshot_id"),  # alike for thousands
    *("features", "overrides"),
)
"""In the order in which they are sent: of one length, alike, of any length."""
BEGIN = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)
ROWS_AT_ONCE = 100
"""Less than a millisecond's work: so long the event loop may have to wait for the interpreter's lock."""

_POSTGRES_EPOCH = 946_684_800
"""2000-01-01T00:00:00Z in Unix seconds, from which timestamptz counts microseconds."""
_FLOAT4_OID = 700
_JSONB_VERSION = b"\1"
_NULL = struct.pack(">i", -1)
_INT = struct.Struct(">i")
_HEAD = struct.Struct(">h i32s iq id if iq iq i")  # every value behind its length in bytes, movie_id's last


def encode(receipts: Sequence[Receipt]) -> Iterator[bytes]:
    """The whole COPY, piece by piece."""
    yield BEGIN
    for first in range(0, len(receipts), ROWS_AT_ONCE):
        yield encode_rows(receipts[first : first + ROWS_AT_ONCE])
    yield END


def encode_rows(receipts: Sequence[Receipt]) -> bytes:
    """The rows of some receipts, without the COPY's begin and end."""
    pieces: list[bytes] = []
    for receipt, features in zip(receipts, encode_features([receipt.features for receipt in receipts]), strict=True):
        answered_at = round((receipt.answered_at - _POSTGRES_EPOCH) * 1e6)
        as_of, movie_id = to_microseconds(receipt.features_as_of), receipt.movie_id.encode()
        pieces += (
            _HEAD.pack(
                *(len(COLUMNS), 32, receipt.prediction_id.encode(), 8, answered_at, 8, receipt.rating),
                *(4, receipt.model_output, 8, as_of, 8, receipt.provenance.deployment, len(movie_id)),
            ),
            movie_id,
            encode_texts(receipt.way, receipt.source, receipt.provenance),
            features,
            _NULL if receipt.overrides is None else with_length(_JSONB_VERSION + orjson.dumps(receipt.overrides)),
        )
    return b"".join(pieces)


def encode_features(rows: Sequence[NDArray[np.float32] | None]) -> list[bytes]:
    """Each row as a float4[] behind its length, all rows of one width by one pass of numpy; None as null."""
    encoded = [_NULL] * len(rows)
    for width in {row.size for row in rows if row is not None}:
        places = [place for place, row in enumerate(rows) if row is not None and row.size == width]
        matrix = np.concatenate([rows[place] for place in places]).reshape(-1, width)
        kind = float4_array(width)
        packed = np.empty(len(places), kind)
        # Bytes that follow; one dimension, no nulls, of float4; so many elements, counted from 1.
        packed["head"] = (kind.itemsize - 4, 1, 0, _FLOAT4_OID, width, 1)
        packed["cells"]["bytes"] = 4
        packed["cells"]["value"] = matrix
        body = packed.tobytes()
        for number, place in enumerate(places):
            encoded[place] = body[number * kind.itemsize : (number + 1) * kind.itemsize]
    return encoded


@lru_cache
def float4_array(width: int) -> np.dtype[np.void]:
    """One float4[] of this many elements as Postgres sends and receives it."""
    return np.dtype([("head", ">i4", 6), ("cells", [("bytes", ">i4"), ("value", ">f4")], width)])


@lru_cache(maxsize=256)
def encode_texts(endpoint: str, source: str, provenance: Provenance) -> bytes:
    """Return the columns that are alike for thousands of receipts, each behind its length."""
    model = (provenance.model_version, provenance.model_sha256, provenance.release_sha256)
    texts = (endpoint, source, *model, provenance.feature_set, provenance.snapshot_id)
    return b"".join(with_length(text.encode()) for text in texts)


@lru_cache(maxsize=256)
def to_microseconds(moment: datetime) -> int:
    """A timestamptz; feature rows of one set share few of them."""
    return round((moment.timestamp() - _POSTGRES_EPOCH) * 1e6)


def with_length(body: bytes) -> bytes:
    return _INT.pack(len(body)) + body
