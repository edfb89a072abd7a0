"""The online features in Redis: which feature set is live, and films' rows in it."""

import asyncio
import logging
import time
from collections.abc import Sequence

from serving.core.cooperative import yielding_to_loop
from serving.core.errors import CorruptRow, NoFeatureSet, PredictionError, StoreUnavailable, UnknownMovie
from serving.core.requested_id import RequestedId
from serving.features.feature_set import POINTER_KEY, FeatureSet, parse_pointer
from serving.features.movie_row import MOVIES_KEY, MovieRow, RowQuery, build_query, pack_row_query, parse_row, value_or_error
from serving.features.online_row import build_key_prefix
from serving.features.tmdb_id import pack_tmdb_query, parse_tmdb_reply
from serving.redis.breaker import Attempt, Breaker
from serving.redis.client import RedisClient
from serving.redis.command import pack, pack_word
from serving.settings import Settings

log = logging.getLogger("serving.features")

REFRESH_SECONDS = 1.0
"""How long a flip of the pointer may go unnoticed."""
PROBE_SCANS, PROBE_COUNT = 50, 1000
"""How far the keys are searched for any one film when a model is to be loaded."""
LONG_WORK = 10
"""What reads many rows or keys may take this many times as long as one answer."""

_GET_POINTER = pack("GET", POINTER_KEY)


class FeatureStore:
    """Reads of one Redis, each within its deadline; every failure is a PredictionError."""

    def __init__(self, settings: Settings) -> None:
        seconds = settings.redis_timeout_seconds
        self._breaker = Breaker()
        self._attempt, self._long_attempt = Attempt(self._breaker, seconds), Attempt(self._breaker, seconds * LONG_WORK)
        self._redis = RedisClient(settings.redis_url.get_secret_value(), seconds)
        self.live: FeatureSet | None = None
        """What is read from now."""
        self.mismatched: FeatureSet | None = None
        """What the pointer names and the served model was not trained for; `live` stays what it was."""
        self._schema_hash = ""

    async def close(self) -> None:
        await self._redis.close()

    async def follow_pointer(self) -> None:
        """Keep `live` fresh until cancelled; says once when the store goes away or comes back."""
        trouble = ""
        while True:
            try:
                await self.read_pointer()
                now = ""
            except (StoreUnavailable, NoFeatureSet, CorruptRow) as refusal:
                now = str(refusal)
            if now != trouble:
                log.log(logging.ERROR if now else logging.INFO, "feature store: %s", now or "reachable again")
                trouble = now
            await asyncio.sleep(REFRESH_SECONDS)

    async def wait_for_pointer(self, seconds: float) -> None:
        """Read the pointer for the first time: the first connection of a process that still starts may take some tries."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                await self.read_pointer()
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            except PredictionError:
                return  # Redis answers; what it says is no answer yet
            else:
                return

    async def read_pointer(self) -> FeatureSet:
        """Ask Redis which feature set is live, and read from it if the model can; raises NoFeatureSet when there is none."""
        with self._attempt:
            return await self._read_pointer(self._attempt.due())

    async def find_published(self) -> FeatureSet:
        """Ask Redis which feature set is published, whatever the served model can read; raises a PredictionError."""
        with self._attempt:
            return await self._find_published(self._attempt.due())

    async def read_key(self, key: bytes) -> bytes | None:
        """Read one string; raises StoreUnavailable or CorruptRow."""
        with self._attempt:
            value: bytes | None = await self._redis.ask(pack("GET", key), self._attempt.due())
            return value

    def pair_with(self, schema_hash: str, published: FeatureSet | None) -> None:
        """From now on read only sets of this schema, and this one if there is one; '' takes any."""
        self._schema_hash = schema_hash
        if published is not None:
            self._take(published)

    async def read_movie(self, requested_id: RequestedId, query: RowQuery) -> MovieRow:
        """Read one film from the set that is live now; raises a PredictionError, UnknownMovie when it has no row."""
        self._breaker.check()
        with self._attempt:
            return await self._read_movie(requested_id, query, self._attempt.due())

    async def read_movies(self, requested_ids: Sequence[RequestedId], query: RowQuery) -> list[MovieRow | PredictionError]:
        """Read many films in one round trip, one more where there are TMDB ids among them; raises StoreUnavailable."""
        self._breaker.check()
        with self._long_attempt:
            return await self._read_movies(requested_ids, query, self._long_attempt.due())

    async def find_absent_features(self, features: Sequence[str], feature_set: FeatureSet) -> list[str]:
        """Look at any one film of the set: which of these features does its row not have at all?"""
        with self._long_attempt:
            return await self._find_absent_features(features, feature_set, self._long_attempt.due())

    async def _find_published(self, due: float) -> FeatureSet:
        pointer: bytes | None = await self._redis.ask(_GET_POINTER, due)
        if pointer is None:
            self.live = None
            raise NoFeatureSet("no feature set is published yet; run the DAG refresh_movies")
        return parse_pointer(pointer)

    async def _read_pointer(self, due: float) -> FeatureSet:
        self._take(await self._find_published(due))
        if self.live is None:
            raise NoFeatureSet("the published features are not those that the served model was trained on; run train_model")
        return self.live

    def _take(self, published: FeatureSet) -> None:
        """Read from this set from now on, unless the served model was trained on features of another schema."""
        if self._schema_hash and published.schema_hash and published.schema_hash != self._schema_hash:
            if published != self.mismatched:
                log.error("feature set %s has another schema than the served model: it is not read", published.name)
            self.mismatched = published
            return
        self.mismatched = None
        if self.live is None or published.name != self.live.name:
            log.info("feature set %s is live: day %s, %d films", published.name, published.day, published.movies)
        self.live = published

    async def _read_movie(self, requested_id: RequestedId, query: RowQuery, due: float) -> MovieRow:
        feature_set = self.live or await self._read_pointer(due)
        try:
            return await self._read_row(feature_set, requested_id, query, due)
        except UnknownMovie:
            current = await self._read_pointer(due)  # the set may have been replaced, or Redis emptied: then it is no 404
            if current.name == feature_set.name:
                raise
            return await self._read_row(current, requested_id, query, due)

    async def _read_row(self, feature_set: FeatureSet, requested_id: RequestedId, query: RowQuery, due: float) -> MovieRow:
        movie_id = requested_id.movie_id
        if movie_id is None:
            reply = await self._redis.ask(pack_tmdb_query(feature_set, requested_id), due)
            movie_id = parse_tmdb_reply(reply, requested_id, feature_set)
        reply = await self._redis.ask(pack_row_query(query, movie_id, feature_set.name), due)
        return parse_row(reply, movie_id, requested_id, query, feature_set)

    async def _read_movies(
        self, requested_ids: Sequence[RequestedId], query: RowQuery, due: float
    ) -> list[MovieRow | PredictionError]:
        """The pointer is read again first: many misses of a set that was replaced would be as many more questions."""
        feature_set = await self._read_pointer(due)
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

    async def _find_absent_features(self, features: Sequence[str], feature_set: FeatureSet, due: float) -> list[str]:
        pattern = build_key_prefix(MOVIES_KEY) + b"*" + feature_set.name.encode()
        query, cursor = build_query(features), b"0"
        for _ in range(PROBE_SCANS):
            cursor, keys = await self._redis.ask(pack("SCAN", cursor, "MATCH", pattern, "COUNT", PROBE_COUNT), due)
            if keys:
                values = await self._redis.ask(query.head + pack_word(keys[0]) + query.tail, due)
                return [name for name, value in zip(features, values, strict=False) if value is None]
            if cursor == b"0":
                break
        return []
