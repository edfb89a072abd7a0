"""Encodes receipts in Postgres's binary COPY format, by hand, because encoding 60 floats one by one costs ten times more."""

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
    *("prediction_id", "predicted_at", "rating", "model_output", "features_as_of", "deployment", "movie_id"),
    *("endpoint", "source", "model_version", "model_sha256", "release_sha256", "feature_set", "snapshot_id"),  # repeated
    *("features", "overrides"),
)
"""Columns in the order in which they are sent: first those of fixed length, then repeated texts, then those of any length."""
BEGIN = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)
ROWS_AT_ONCE = 100
"""Rows that are encoded in one piece: less than a millisecond, for which the event loop may wait for the interpreter's lock."""

_POSTGRES_EPOCH = 946_684_800
"""2000-01-01T00:00:00Z in Unix seconds; timestamptz counts microseconds from it."""
_FLOAT4_OID = 700
_JSONB_VERSION = b"\1"
_NULL = struct.pack(">i", -1)
_INT = struct.Struct(">i")
_HEAD = struct.Struct(">h i32s iq id if iq iq i")  # each value follows its length in bytes; movie_id's length is last


def encode(receipts: Sequence[Receipt]) -> Iterator[bytes]:
    """Yield the whole COPY in pieces."""
    yield BEGIN
    for first in range(0, len(receipts), ROWS_AT_ONCE):
        yield encode_rows(receipts[first : first + ROWS_AT_ONCE])
    yield END


def encode_rows(receipts: Sequence[Receipt]) -> bytes:
    """Return the rows of these receipts, without the begin and end of the COPY."""
    pieces: list[bytes] = []
    for receipt, features in zip(receipts, encode_features([receipt.features for receipt in receipts]), strict=True):
        predicted_at = round((receipt.predicted_at - _POSTGRES_EPOCH) * 1e6)
        as_of, movie_id = to_microseconds(receipt.features_as_of), receipt.movie_id.encode()
        pieces += (
            _HEAD.pack(
                *(len(COLUMNS), 32, receipt.prediction_id.encode(), 8, predicted_at, 8, receipt.rating),
                *(4, receipt.model_output, 8, as_of, 8, receipt.provenance.deployment, len(movie_id)),
            ),
            movie_id,
            encode_texts(receipt.endpoint, receipt.source, receipt.provenance),
            features,
            _NULL if receipt.overrides is None else with_length(_JSONB_VERSION + orjson.dumps(receipt.overrides)),
        )
    return b"".join(pieces)


def encode_features(rows: Sequence[NDArray[np.float32] | None]) -> list[bytes]:
    """Return each row as a float4[] after its length, None as null; numpy encodes all rows of one width at once."""
    encoded = [_NULL] * len(rows)
    for width in {row.size for row in rows if row is not None}:
        places = [place for place, row in enumerate(rows) if row is not None and row.size == width]
        matrix = np.concatenate([rows[place] for place in places]).reshape(-1, width)
        kind = float4_array(width)
        packed = np.empty(len(places), kind)
        # Length in bytes; one dimension; no nulls; element type; number of elements; index of the first.
        packed["head"] = (kind.itemsize - 4, 1, 0, _FLOAT4_OID, width, 1)
        packed["cells"]["bytes"] = 4
        packed["cells"]["value"] = matrix
        body = packed.tobytes()
        for number, place in enumerate(places):
            encoded[place] = body[number * kind.itemsize : (number + 1) * kind.itemsize]
    return encoded


@lru_cache
def float4_array(width: int) -> np.dtype[np.void]:
    """Return the layout of a float4[] with this many elements, as Postgres sends and receives it."""
    return np.dtype([("head", ">i4", 6), ("cells", [("bytes", ">i4"), ("value", ">f4")], width)])


@lru_cache(maxsize=256)
def encode_texts(endpoint: str, source: str, provenance: Provenance) -> bytes:
    """Return the columns that are the same for thousands of receipts, each after its length."""
    model = (provenance.model_version, provenance.model_sha256, provenance.release_sha256)
    texts = (endpoint, source, *model, provenance.feature_set, provenance.snapshot_id)
    return b"".join(with_length(text.encode()) for text in texts)


@lru_cache(maxsize=256)
def to_microseconds(moment: datetime) -> int:
    """Return the time as a timestamptz; cached, because the rows of one feature set share few times."""
    return round((moment.timestamp() - _POSTGRES_EPOCH) * 1e6)


def with_length(body: bytes) -> bytes:
    return _INT.pack(len(body)) + body
