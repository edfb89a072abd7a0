"""Reads Feast's online rows in Redis without Feast: builds the key and hash fields, decodes and checks the values.

The layout is Feast's (entity key version 3, one hash per entity). Contract tests compare every function here with Feast's own
code, so that an incompatible upgrade of Feast fails a test.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import mmh3
import numpy as np
from numpy.typing import NDArray

from serving.core.errors import CorruptRow

_STRING, _INT64 = 2, 4  # feast.types.ValueType
_TAG_STRING, _TAG_DOUBLE = 0x12, 0x29  # protobuf tags of feast.types.Value: field 2 length-delimited, field 5 64-bit
_TAG_SECONDS, _TAG_NANOS = 0x08, 0x10  # protobuf tags of google.protobuf.Timestamp
_DOUBLE = np.dtype([("tag", "u1"), ("value", "<f8")])
_NULL_DOUBLE = struct.pack("<Bd", _TAG_DOUBLE, float("nan"))
_MAX_FLOAT32 = float(np.finfo(np.float32).max)
_MAX_VARINT_BYTES = 10


def build_key(join_key: str, value: str | int, project: str) -> bytes:
    """Return the Redis key of one entity in one Feast project."""
    kind, body = (_INT64, struct.pack("<q", value)) if isinstance(value, int) else (_STRING, value.encode())
    return b"".join((build_key_prefix(join_key), struct.pack("<II", kind, len(body)), body, project.encode()))


@lru_cache
def build_key_prefix(join_key: str) -> bytes:
    """Return the common beginning of the Redis keys of all values of one entity."""
    name = join_key.encode()
    return struct.pack("<III", 1, _STRING, len(name)) + name


def hash_field(view: str, feature: str) -> bytes:
    """Return the hash field of one feature: murmur3 (32 bits, seed 0) of `view:feature`, little-endian."""
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


def timestamp_field(view: str) -> bytes:
    """Return the hash field of the row's event time; a row without it does not exist."""
    return f"_ts:{view}".encode()


def decode_doubles(raw: Sequence[bytes | None], names: Sequence[str]) -> NDArray[np.float32]:
    """Decode Feast doubles into the model's row; an empty value is Feast's null and becomes NaN, as training saw it.

    Protobuf decodes any other row: one with an absent value, another type or length, NaN or infinity. It reads numbers of other
    types, and raises CorruptRow, naming the feature, for a value that is not a finite number.
    """
    try:
        lengths = bytes(map(len, raw))  # type: ignore[arg-type]  # None (absent) raises TypeError
    except (TypeError, ValueError):
        return decode_with_protobuf(raw, names)
    count, nulls = len(raw), lengths.count(0)
    if nulls + lengths.count(_DOUBLE.itemsize) == count:
        blob = b"".join([value or _NULL_DOUBLE for value in raw] if nulls else raw)  # type: ignore[arg-type]  # none is None
        numbers = np.frombuffer(blob, _DOUBLE)["value"]
        known = np.count_nonzero(np.abs(numbers) <= _MAX_FLOAT32)  # false for NaN and infinity
        if blob[:: _DOUBLE.itemsize].count(_TAG_DOUBLE) == count == known + nulls:
            return numbers.astype(np.float32)
    return decode_with_protobuf(raw, names)


def decode_with_protobuf(raw: Sequence[bytes | None], names: Sequence[str]) -> NDArray[np.float32]:
    """Decode with protobuf, imported only here: it takes 2 MB that a service without gRPC and without such rows saves."""
    from serving.features.protobuf_values import decode_numbers  # noqa: PLC0415

    return decode_numbers(raw, names)


def decode_string(raw: bytes | None, name: str) -> str | None:
    """Decode a Feast string; an empty value is null. Raise CorruptRow."""
    if raw is None:
        raise CorruptRow(f"feature {name!r} is absent from the row")
    if not raw:
        return None
    try:
        return _parse_string(raw)
    except ValueError:
        raise CorruptRow(f"feature {name!r} is not a string") from None


def _parse_string(raw: bytes) -> str:
    length, start = _read_varint(raw, 1)
    if raw[0] != _TAG_STRING or start + length != len(raw):
        raise ValueError(raw)
    return raw[start:].decode()


def decode_timestamp(raw: bytes) -> datetime:
    """Decode the row's event time, UTC. Raise CorruptRow."""
    try:
        return _parse_timestamp(raw)
    except (ValueError, OverflowError, OSError):
        raise CorruptRow("the row's event time is not a timestamp") from None


def _parse_timestamp(raw: bytes) -> datetime:
    parts: dict[int, int] = {}
    at = 0
    while at < len(raw):
        tag = raw[at]
        parts[tag], at = _read_varint(raw, at + 1)
    if not parts.keys() <= {_TAG_SECONDS, _TAG_NANOS} or not parts.get(_TAG_SECONDS):  # no seconds would mean 1970
        raise ValueError(raw)
    return datetime.fromtimestamp(parts[_TAG_SECONDS], UTC).replace(microsecond=parts.get(_TAG_NANOS, 0) // 1000)


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(raw[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, at + count + 1
    raise ValueError(raw)
