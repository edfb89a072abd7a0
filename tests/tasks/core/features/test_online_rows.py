"""Rows rendered for Redis: the commands that Feast's own functions would make of the same values."""

import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.features.online_rows import EVENT_TIME, render_rows

TIMES = st.sampled_from([datetime(2026, 11, 26, tzinfo=UTC), datetime(2024, 2, 29, 1, 2, 3, 4000, tzinfo=UTC)])
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
NUMBERS = st.none() | st.floats()
ROWS = st.lists(st.tuples(st.text("tn0123456789", min_size=1), TIMES, TEXTS, NUMBERS), max_size=6)


def read_commands(content: bytes) -> Iterator[list[bytes]]:
    stream = io.BytesIO(content)
    while line := stream.readline():
        words = []
        for _ in range(int(line[1:])):
            size = int(stream.readline()[1:])
            words.append(stream.read(size))
            assert stream.read(2) == b"\r\n"
        yield words


def expect(key: Value, name: str, time: datetime, values: dict[str, Value]) -> tuple[bytes, dict[bytes, bytes]]:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    fields = {_mmh3(f"view:{feature}"): value.SerializeToString() for feature, value in values.items()}
    entity = EntityKey(join_keys=[name], entity_values=[key])
    return _redis_key("project", entity), {b"_ts:view": stamp.SerializeToString(), **fields}


def read_back(rows: pl.DataFrame, key: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found = []
    for verb, redis_key, *pairs in read_commands(render_rows(rows, "view", key, "project")):
        assert verb == b"HSET"
        found.append((redis_key, dict(zip(pairs[::2], pairs[1::2], strict=True))))
    return found


@given(ROWS)
def test_a_row_is_rendered_as_feast_writes_it(rows: list[tuple[str, datetime, str | None, float | None]]) -> None:
    schema: list[tuple[str, pl.DataType | type[pl.DataType]]] = [
        ("movie_id", pl.String),
        (EVENT_TIME, pl.Datetime("us", "UTC")),
        ("title", pl.String),
        ("budget", pl.Float64),
    ]
    expected = [
        expect(
            *(Value(string_val=movie_id), "movie_id", time),
            {
                "title": Value() if title is None else Value(string_val=title),
                "budget": Value() if budget is None or math.isnan(budget) else Value(double_val=budget),
            },
        )
        for movie_id, time, title, budget in rows
    ]
    assert read_back(pl.DataFrame(rows, schema, orient="row"), "movie_id") == expected


@pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384, 300_000])
def test_a_text_of_any_length(length: int) -> None:
    time = datetime(2026, 11, 26, tzinfo=UTC)
    rows = pl.DataFrame({"movie_id": ["tt0000001"], "title": ["x" * length], EVENT_TIME: [time]})
    expected = expect(Value(string_val="tt0000001"), "movie_id", time, {"title": Value(string_val="x" * length)})
    assert read_back(rows, "movie_id") == [expected]


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**63 - 1])
def test_a_number_as_key(number: int) -> None:
    time = datetime(2026, 11, 26, tzinfo=UTC)
    rows = pl.DataFrame({"tmdb_id": [number], "movie_id": ["tt0000001"], EVENT_TIME: [time]})
    expected = expect(Value(int64_val=number), "tmdb_id", time, {"movie_id": Value(string_val="tt0000001")})
    assert read_back(rows, "tmdb_id") == [expected]
