"""Renders feature rows as the Redis commands that write them in Feast's format.

Format: feast/infra/online_stores/redis.py of Feast 0.67, entity key version 3. Feast makes a protobuf message of each value,
which limits it to some thousand rows a second; here a column is rendered at once. A contract test compares the two in Redis.
"""

import struct
from collections.abc import Sequence
from datetime import datetime
from itertools import chain

import mmh3
import numpy as np
import polars as pl
from google.protobuf.timestamp_pb2 import Timestamp

EVENT_TIME = "event_timestamp"
INT64, STRING = 4, 2
"""Feast's numbers of the types that an entity's key has (feast.types.Value, ValueType)."""
DOUBLE_TAG = struct.pack("<B", 5 << 3 | 1)
STRING_TAG = struct.pack("<B", 2 << 3 | 2)
"""Field double_val and field string_val of feast.types.Value, in protobuf's wire format."""


def render_rows(rows: pl.DataFrame, view: str, key: str, project: str) -> bytes:
    """Return one HSET command a row, in Redis's protocol RESP2.

    rows: the entity's key (String or Int64, never null), event_timestamp, and the features (Float64 or String, null where
    unknown). view: the name of the feature view. A null is an empty value, as Feast writes it.
    """
    features = [name for name in rows.columns if name not in (key, EVENT_TIME)]
    head = b"*%d\r\n$4\r\nHSET\r\n" % (4 + 2 * len(features))
    parts: list[Sequence[bytes]] = [
        [head + bulk(redis_key) for redis_key in render_keys(rows[key], project)],
        render_times(rows[EVENT_TIME], bulk(f"_ts:{view}".encode())),
    ]
    for name in features:
        field = bulk(struct.pack("<I", mmh3.hash(f"{view}:{name}", signed=False)))
        render = render_texts if rows.schema[name] == pl.String else render_doubles
        parts.append(render(rows[name], field))
    return b"".join(chain.from_iterable(zip(*parts, strict=True)))


def bulk(value: bytes) -> bytes:
    """Return a bulk string of RESP2."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def render_keys(values: pl.Series, project: str) -> list[bytes]:
    """Return the Redis key of each entity: its serialized key and the project."""
    name, suffix = values.name.encode(), project.encode()
    prefix = struct.pack(f"<III{len(name)}s", 1, STRING, len(name), name)
    if values.dtype == pl.Int64:
        return [prefix + struct.pack("<IIq", INT64, 8, number) + suffix for number in values.to_list()]
    texts = (text.encode() for text in values.to_list())
    return [prefix + struct.pack("<II", STRING, len(text)) + text + suffix for text in texts]


def render_times(times: pl.Series, field: bytes) -> list[bytes]:
    """Return field and protobuf Timestamp of each row."""

    def render(time: datetime) -> bytes:
        stamp = Timestamp()
        stamp.FromDatetime(time)
        return field + bulk(stamp.SerializeToString())

    rendered = {time: render(time) for time in times.unique()}  # few: a set has the days of its rows
    return [rendered[time] for time in times.to_list()]


def render_doubles(values: pl.Series, field: bytes) -> list[bytes]:
    """Return field and Value of each row."""
    before, after = field + b"$9\r\n" + DOUBLE_TAG, b"\r\n"
    record = np.dtype([("before", f"V{len(before)}"), ("value", "<f8"), ("after", "V2")])
    numbers, records = values.fill_null(np.nan).to_numpy(), np.zeros(len(values), record)
    records["before"], records["value"], records["after"] = np.void(before), numbers, np.void(after)
    rendered: list[bytes] = records.view(f"V{record.itemsize}").tolist()
    empty = field + bulk(b"")
    for row in np.flatnonzero(np.isnan(numbers)).tolist():
        rendered[row] = empty
    return rendered


def render_texts(values: pl.Series, field: bytes) -> list[bytes]:
    """Return field and Value of each row."""
    texts = (text if text is None else text.encode() for text in values.to_list())
    return [field + bulk(b"" if text is None else STRING_TAG + render_varint(len(text)) + text) for text in texts]


def render_varint(number: int) -> bytes:
    """Return a number as protobuf's wire format has it: 7 bits a byte, the lowest first, the high bit where more follow."""
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes([*octets, number])
