"""The decoder and the key builder, held to Feast's own builders over every type in use."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from feast import ValueType
from feast.infra.online_stores.helpers import _mmh3, _redis_key, _redis_key_prefix
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from serving.core.errors import CorruptRow
from serving.features.feast_value_pb2 import FeastValue
from serving.features.online_row import (
    build_key,
    build_key_prefix,
    decode_doubles,
    decode_string,
    decode_timestamp,
    hash_field,
)

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def double(value: float) -> bytes:
    return bytes(Value(double_val=value).SerializeToString())


@given(st.text(max_size=40), st.from_regex(r"[a-z_0-9]{1,40}", fullmatch=True))
def test_key_of_a_string_entity_is_feasts(movie_id: str, project: str) -> None:
    key = EntityKey(join_keys=["movie_id"], entity_values=[Value(string_val=movie_id)])
    assert build_key("movie_id", movie_id, project) == _redis_key(project, key, 3)


@given(st.integers(-(2**63), 2**63 - 1))
def test_key_of_an_integer_entity_is_feasts(tmdb_id: int) -> None:
    key = EntityKey(join_keys=["tmdb_id"], entity_values=[Value(int64_val=tmdb_id)])
    assert build_key("tmdb_id", tmdb_id, "marquee_1") == _redis_key("marquee_1", key, 3)


def test_key_prefix_is_feasts() -> None:
    assert build_key_prefix("movie_id") == _redis_key_prefix(["movie_id"])


@given(st.text(max_size=40))
def test_hash_field_is_feasts(feature: str) -> None:
    assert hash_field("movies", feature) == _mmh3(f"movies:{feature}")


@given(st.lists(FLOAT32 | st.none(), min_size=1, max_size=50))
def test_doubles_and_nulls_that_feast_writes_are_read(values: list[float | None]) -> None:
    written = [value.SerializeToString() for value in python_values_to_proto_values(values, ValueType.DOUBLE)]
    row = decode_doubles(written, [f"f{n}" for n in range(len(values))])
    assert row.dtype == np.float32
    np.testing.assert_array_equal(row, np.array([math.nan if value is None else value for value in values], np.float32))


def test_nan_given_to_feast_is_written_as_null() -> None:
    (written,) = python_values_to_proto_values([math.nan], ValueType.DOUBLE)
    assert written.SerializeToString() == b""


def test_zero_is_a_number_and_not_a_null() -> None:
    assert decode_doubles([double(0.0)], ["f"]).tolist() == [0.0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "absent"),
        (Value(string_val="7").SerializeToString(), "not a number"),
        (Value(string_val="1234567").SerializeToString(), "not a number"),  # 9 bytes, as long as a double
        (Value(bool_val=True).SerializeToString(), "not a number"),
        (Value(unix_timestamp_val=7).SerializeToString(), "not a number"),
        (double(7.0)[:-1], "not a number"),
        (double(7.0) + b"\0", "not a number"),
        (b"\x29", "not a number"),
        (b"garbage", "not a number"),
        (double(math.nan), "not a finite number"),
        (double(math.inf), "not a finite number"),
        (double(-math.inf), "not a finite number"),
        (double(1e300), "too large"),
    ],
)
def test_a_value_that_is_not_a_number_is_rejected_by_name(value: bytes | None, reason: str) -> None:
    with pytest.raises(CorruptRow, match=reason) as caught:
        decode_doubles([double(1.0), value, b""], ["first", "second", "third"])
    assert "'second'" in str(caught.value)


@pytest.mark.parametrize("value", [Value(int64_val=7), Value(int32_val=7), Value(float_val=7), Value(double_val=7)])
def test_numbers_of_other_types_go_through_protobuf(value: Value) -> None:
    row = decode_doubles([double(1.0), value.SerializeToString(), b""], ["first", "second", "third"])
    assert row.dtype == np.float32
    np.testing.assert_array_equal(row, np.array([1, 7, math.nan], np.float32))


def test_the_message_has_the_fields_of_feasts() -> None:
    ours, feasts = ({field.number: field for field in each.DESCRIPTOR.fields} for each in (FeastValue, Value))
    assert ours.keys() == feasts.keys()
    for number, field in feasts.items():
        assert ours[number].name == field.name
        if field.type not in {field.TYPE_MESSAGE, field.TYPE_ENUM}:
            assert ours[number].type == field.type


def test_wrong_lengths_with_the_right_sum_are_rejected() -> None:
    with pytest.raises(CorruptRow, match="'a'"):
        decode_doubles([double(1.0)[:-1], double(1.0) + b"\x29"], ["a", "b"])


SCALARS = st.one_of(
    st.builds(lambda number: Value(int64_val=number), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda number: Value(float_val=number), st.floats(width=32)),
    st.builds(lambda number: Value(double_val=number), st.floats()),
    st.builds(lambda text: Value(string_val=text), st.text(max_size=12)),
).map(lambda value: bytes(value.SerializeToString()))


@given(st.lists(st.none() | st.binary(max_size=12) | SCALARS | st.tuples(SCALARS, SCALARS).map(b"".join), min_size=1, max_size=6))
def test_any_bytes_are_read_as_feast_reads_them_or_rejected(raw: list[bytes | None]) -> None:
    try:
        row = decode_doubles(raw, [f"f{n}" for n in range(len(raw))])
    except CorruptRow:
        return
    for value, number in zip(raw, row, strict=True):
        assert value is not None
        if value:
            read = Value.FromString(value)
            kind = read.WhichOneof("val")
            assert kind in {"double_val", "float_val", "int64_val", "int32_val"}
            assert number == np.float32(getattr(read, kind))
        else:
            assert np.isnan(number)


@given(st.text(max_size=300))
def test_strings_that_feast_writes_are_read(text: str) -> None:
    assert decode_string(Value(string_val=text).SerializeToString(), "title") == text


def test_a_null_string_becomes_none() -> None:
    (written,) = python_values_to_proto_values([None], ValueType.STRING)
    assert decode_string(written.SerializeToString(), "title") is None


@pytest.mark.parametrize(
    "raw", [None, double(1.0), b"\x12\x05abc", b"\x12\x02abc", b"\x12", b"\x12\xff\xff", b"\x12\x02\xff\xfe"]
)
def test_a_value_that_is_not_a_string_is_rejected(raw: bytes | None) -> None:
    with pytest.raises(CorruptRow, match="'title'"):
        decode_string(raw, "title")


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_event_times_that_feast_writes_are_read(time: datetime) -> None:
    written = Timestamp()
    written.FromDatetime(time)
    assert decode_timestamp(written.SerializeToString()) == time


@pytest.mark.parametrize(
    "raw", [b"", b"\x08", b"\x08\0", b"\x10\x05", b"now", b"\x08" + b"\xff" * 12, b"\x08" + b"\xff" * 9 + b"\x01"]
)
def test_a_value_that_is_not_a_time_is_rejected(raw: bytes) -> None:
    with pytest.raises(CorruptRow, match="event time"):
        decode_timestamp(raw)
