"""The online features in Redis: the rows of movies in one feature set."""

import asyncio
import time
from collections.abc import Sequence

import hiredis

from serving.core.cooperative import yielding_to_loop
from serving.core.errors import PredictionError, StoreUnavailable
from serving.core.requested_id import RequestedId
from serving.features.feature_set import FeatureSet
from serving.features.movie_row import MOVIES_KEY, MovieRow, RowQuery, build_query, pack_row_query, parse_row, value_or_error
from serving.features.online_row import build_key_prefix
from serving.features.tmdb_id import pack_tmdb_query, parse_tmdb_reply
from serving.redis.breaker import Attempt, Breaker
from serving.redis.client import RedisClient
from serving.redis.command import pack, pack_word
from serving.settings import Settings

PROBE_SCANS, PROBE_COUNT, PROBE_ROWS = 50, 1000, 5
"""Maximum SCAN calls to find rows of a set when a model is loaded, keys per call, and rows to read."""
RECONNECT_SECONDS = 0.05
LONG_WORK = 10
"""Factor of the time limit for work that reads many rows or keys."""


class FeatureStore:
    """A reader of one Redis. Each read has a deadline; every failure is a PredictionError."""

    def __init__(self, settings: Settings) -> None:
        seconds = settings.redis_timeout_seconds
        self._breaker = Breaker()
        self._attempt, self._long_attempt = Attempt(self._breaker, seconds), Attempt(self._breaker, seconds * LONG_WORK)
        self._redis = RedisClient(settings.redis_url.get_secret_value(), seconds)

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.close()

    async def wait_until_reachable(self, seconds: float) -> None:
        """Wait at most this long for Redis to answer: the first connection of a starting process may take several tries."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                await self.read_key(b"marquee:reachable")
            except StoreUnavailable:
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                return

    async def read_key(self, key: bytes) -> bytes | None:
        """Read one string; return None when the key does not exist. Raise StoreUnavailable or CorruptRow."""
        with self._attempt:
            value: bytes | None = await self._redis.ask(pack("GET", key), self._attempt.due())
            return value

    async def read_movie(self, requested_id: RequestedId, query: RowQuery, feature_set: FeatureSet) -> MovieRow:
        """Read one movie's row. Raise UnknownMovie when it has no row, or another PredictionError."""
        self._breaker.check()
        with self._attempt:
            return await self._read_row(feature_set, requested_id, query, self._attempt.due())

    async def read_movies(
        self, requested_ids: Sequence[RequestedId], query: RowQuery, feature_set: FeatureSet
    ) -> list[MovieRow | PredictionError]:
        """Read many movies in one round trip, or in two when some ids are TMDB ids. Raise StoreUnavailable."""
        self._breaker.check()
        with self._long_attempt:
            return await self._read_rows(feature_set, requested_ids, query, self._long_attempt.due())

    async def read_absent_features(self, features: Sequence[str], feature_set: FeatureSet) -> list[str]:
        """Return the features absent from all of PROBE_ROWS rows, since a single row may be corrupt. Raise PredictionError."""
        with self._long_attempt:
            return await self._read_absent_features(features, feature_set, self._long_attempt.due())

    async def _read_row(self, feature_set: FeatureSet, requested_id: RequestedId, query: RowQuery, due: float) -> MovieRow:
        movie_id = requested_id.movie_id
        if movie_id is None:
            reply = await self._redis.ask(pack_tmdb_query(feature_set, requested_id), due)
            movie_id = parse_tmdb_reply(reply, requested_id, feature_set)
        reply = await self._redis.ask(pack_row_query(query, movie_id, feature_set.name), due)
        return parse_row(reply, movie_id, requested_id, query, feature_set)

    async def _read_rows(
        self, feature_set: FeatureSet, requested_ids: Sequence[RequestedId], query: RowQuery, due: float
    ) -> list[MovieRow | PredictionError]:
        by_tmdb_id = [requested_id for requested_id in requested_ids if requested_id.movie_id is None]
        replies = await self._redis.ask_many([pack_tmdb_query(feature_set, requested_id) for requested_id in by_tmdb_id], due)
        resolved: dict[RequestedId, str | PredictionError] = {
            requested_id: value_or_error(parse_tmdb_reply, reply, requested_id, feature_set)
            for requested_id, reply in zip(by_tmdb_id, replies, strict=True)
        }
        movie_ids = [requested_id.movie_id or resolved[requested_id] for requested_id in requested_ids]
        known = [movie_id for movie_id in movie_ids if isinstance(movie_id, str)]
        rows = iter(await self._redis.ask_many([pack_row_query(query, movie_id, feature_set.name) for movie_id in known], due))
        return [
            value_or_error(parse_row, next(rows), movie_id, requested_id, query, feature_set)
            if isinstance(movie_id, str)
            else movie_id
            async for requested_id, movie_id in yielding_to_loop(zip(requested_ids, movie_ids, strict=True))
        ]

    async def _read_absent_features(self, features: Sequence[str], feature_set: FeatureSet, due: float) -> list[str]:
        pattern = build_key_prefix(MOVIES_KEY) + b"*" + feature_set.name.encode()
        query, cursor = build_query(features), b"0"
        for _ in range(PROBE_SCANS):
            cursor, keys = await self._redis.ask(pack("SCAN", cursor, "MATCH", pattern, "COUNT", PROBE_COUNT), due)
            if keys:
                commands = [query.head + pack_word(key) + query.tail for key in keys[:PROBE_ROWS]]
                rows = await self._redis.ask_many(commands, due)
                if error := next((row for row in rows if isinstance(row, hiredis.ReplyError)), None):
                    raise error
                return [name for name, *values in zip(features, *rows, strict=False) if all(value is None for value in values)]
            if cursor == b"0":
                break
        return []
