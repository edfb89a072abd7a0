"""Decodes a row with protobuf, value by value, when a value does not have the usual nine bytes of a double."""

import math
from collections.abc import Sequence

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from serving.core.errors import CorruptRow
from serving.features.feast_value_pb2 import FeastValue

NUMBERS = frozenset({"double_val", "float_val", "int32_val", "int64_val"})
_MAX_FLOAT32 = float(np.finfo(np.float32).max)


def decode_numbers(raw: Sequence[bytes | None], names: Sequence[str]) -> NDArray[np.float32]:
    """Decode Feast numbers of any type into the model's row, an empty value as NaN. Raise CorruptRow naming the feature.

    NaN, infinity and numbers too large for 32 bits are rejected: Feast writes a missing value as an empty one.
    """
    return np.array([decode_number(value, name) for value, name in zip(raw, names, strict=True)], np.float32)


def decode_number(raw: bytes | None, name: str) -> float:
    if raw is None:
        raise CorruptRow(f"feature {name!r} is absent from the row")
    if not raw:
        return math.nan
    try:
        value = FeastValue.FromString(raw)
    except DecodeError:
        raise CorruptRow(f"feature {name!r} is not a number") from None
    kind = value.WhichOneof("val")
    if kind not in NUMBERS:
        raise CorruptRow(f"feature {name!r} is not a number")
    number = float(getattr(value, kind))
    if not math.isfinite(number):
        raise CorruptRow(f"feature {name!r} is not a finite number")
    if abs(number) > _MAX_FLOAT32:
        raise CorruptRow(f"feature {name!r} is too large for the model's 32-bit input")
    return number
