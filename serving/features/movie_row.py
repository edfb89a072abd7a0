"""One film's feature row: the command that reads it and what the reply means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.features.online_row import build_key, decode_doubles, decode_string, decode_timestamp, hash_field, timestamp_field
from serving.features.redis_command import pack_around, pack_word
from serving.models.predictor import Row

MOVIES, MOVIES_KEY = "movies", "movie_id"
"""Feature view and join key of the films' features."""


@dataclass(frozen=True, slots=True)
class MovieRow:
    """One film as the model sees it."""

    movie_id: str
    title: str | None
    features: Row
    as_of: datetime


@dataclass(frozen=True, slots=True)
class RowQuery:
    """The command that reads these features, the title and the event time of one film, packed but for the film's key."""

    features: tuple[str, ...]
    head: bytes
    tail: bytes


def build_query(features: Sequence[str]) -> RowQuery:
    """Done once a model, since the field names do not change with the film."""
    fields = [*(hash_field(MOVIES, name) for name in features), hash_field(MOVIES, "title"), timestamp_field(MOVIES)]
    return RowQuery(tuple(features), *pack_around([b"HMGET"], fields))


def pack_row_query(query: RowQuery, movie_id: str, feature_set: str) -> bytes:
    """The query for one film of one feature set."""
    return query.head + pack_word(build_key(MOVIES_KEY, movie_id, feature_set)) + query.tail


def decode_row(movie_id: str, reply: Sequence[bytes | None], query: RowQuery) -> MovieRow | None:
    """Decode the reply; None when the film has no row; raises CorruptRow."""
    *raw, title, time = reply
    if time is None:
        return None
    return MovieRow(movie_id, decode_string(title, "title"), decode_doubles(raw, query.features), decode_timestamp(time))
