"""Corrupt feature rows in Redis, each in another way, and their restoration."""

import struct
from collections.abc import Sequence

from feast.protos.feast.types.Value_pb2 import Value
from redis import Redis

from serving.features.online_row import build_key, hash_field, timestamp_field

WRONG: Sequence[bytes | None] = (
    b"garbage",
    Value(bool_val=True).SerializeToString(),
    Value(string_val="7").SerializeToString(),
    struct.pack("<Bd", 0x29, float("nan")),
    struct.pack("<Bd", 0x29, float("inf")),
    struct.pack("<Bd", 0x29, 1.0)[:-1],
    None,
)
"""Values written in place of a double; None removes it."""


class Corruption:
    """Corruption of these movies' rows in one feature set."""

    def __init__(self, redis: Redis, feature_set: str, movies: Sequence[str], features: Sequence[str]) -> None:
        self._redis, self._features = redis, features
        self._keys = [build_key("movie_id", movie, feature_set) for movie in movies]
        self._sound: dict[bytes, bytes] = {}

    def write(self) -> None:
        """Replace one value of each row, or its event time, or the whole row."""
        for number, key in enumerate(self._keys):
            self._sound[key] = bytes(self._redis.dump(key))  # type: ignore[arg-type]  # redis-py types both clients
            kind = number % (len(WRONG) + 2)
            if kind == len(WRONG):
                self._redis.hset(key, timestamp_field("movies"), b"yesterday")  # type: ignore[arg-type]  # bytes are a field too
            elif kind > len(WRONG):
                self._redis.set(key, b"no row")
            else:
                field, value = hash_field("movies", self._features[number % len(self._features)]), WRONG[kind]
                if value is None:
                    self._redis.hdel(key, field)  # type: ignore[arg-type]
                else:
                    self._redis.hset(key, field, value)  # type: ignore[arg-type]

    def undo(self) -> None:
        """Restore the rows."""
        for key, row in self._sound.items():
            self._redis.restore(key, 0, row, replace=True)
