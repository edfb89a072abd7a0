"""One movie's feature row: packs the command that reads it and parses the reply."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, ParamSpec, TypeVar

import hiredis

from serving.core.clock import MAX_CLOCK_SKEW, now_in_world
from serving.core.errors import CorruptRow, PredictionError, UnknownMovie
from serving.core.rating import Row
from serving.core.requested_id import RequestedId
from serving.features.feature_set import FeatureSet
from serving.features.online_row import build_key, decode_doubles, decode_string, decode_timestamp, hash_field, timestamp_field
from serving.redis.breaker import explain
from serving.redis.command import HashReply, pack_around, pack_word

P = ParamSpec("P")
T = TypeVar("T")

MOVIES, MOVIES_KEY = "movies", "movie_id"
"""Feature view and join key of the movies' features."""
_MAX_SKEW_SECONDS = MAX_CLOCK_SKEW.total_seconds()


class MovieRow(NamedTuple):
    """One movie's feature row, as the model reads it."""

    movie_id: str
    title: str | None
    features: Row
    as_of: datetime
    feature_set: FeatureSet


@dataclass(frozen=True, slots=True)
class RowQuery:
    """The packed command that reads these features, the title and the event time of one movie, without the movie's key."""

    features: tuple[str, ...]
    head: bytes
    tail: bytes


def build_query(features: Sequence[str]) -> RowQuery:
    """Return the query for these features; one query serves all movies of a model."""
    fields = [*(hash_field(MOVIES, name) for name in features), hash_field(MOVIES, "title"), timestamp_field(MOVIES)]
    return RowQuery(tuple(features), *pack_around([b"HMGET"], fields))


def pack_row_query(query: RowQuery, movie_id: str, feature_set: str) -> bytes:
    """Return the command for one movie of one feature set."""
    return query.head + pack_word(build_key(MOVIES_KEY, movie_id, feature_set)) + query.tail


def parse_row(
    reply: HashReply,
    movie_id: str,
    requested_id: RequestedId,
    query: RowQuery,
    feature_set: FeatureSet,
) -> MovieRow:
    """Parse the reply to the query. Raise UnknownMovie or CorruptRow."""
    if isinstance(reply, hiredis.ReplyError):
        raise explain(reply)
    *raw, title, event_time = reply
    if event_time is None:
        raise UnknownMovie(f"no movie {requested_id} in the published features of {feature_set.day}")
    as_of, seconds = read_event_time(event_time)
    if seconds > now_in_world(time.time(), feature_set.world_day) + _MAX_SKEW_SECONDS:
        raise CorruptRow(f"the row's event time {as_of:%Y-%m-%d %H:%M:%S} is still to come")
    return MovieRow(movie_id, decode_string(title, "title"), decode_doubles(raw, query.features), as_of, feature_set)


@lru_cache(maxsize=1024)  # all rows of one feature set have the same time
def read_event_time(raw: bytes) -> tuple[datetime, float]:
    """Return the row's event time, as UTC and as Unix seconds. Raise CorruptRow."""
    as_of = decode_timestamp(raw)
    return as_of, as_of.timestamp()


def value_or_error(parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | PredictionError:
    """Return the parsed value, or the PredictionError that parsing raises, so that one bad movie does not fail its batch."""
    try:
        return parse(*args, **kwargs)
    except PredictionError as error:
        return error
