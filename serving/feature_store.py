"""The online features in Redis: which feature set is live, and one film's row in it."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from serving.errors import CorruptRow, NoFeatureSet, StoreUnavailable, UnknownMovie
from serving.feature_set import POINTER_KEY, FeatureSet, parse_pointer
from serving.movie_id import MovieId
from serving.online_row import (
    build_key,
    build_key_prefix,
    decode_doubles,
    decode_string,
    decode_timestamp,
    hash_field,
    timestamp_field,
)
from serving.predictor import Row
from serving.settings import Settings

log = logging.getLogger("serving.feature_store")

MOVIES, TMDB_IDS = "movies", "tmdb_ids"
"""Feature views: a film's features by movie_id; its movie_id by tmdb_id."""
REFRESH_SECONDS = 1.0
"""How long a flip of the pointer may go unnoticed."""
_IMDB_ID = re.compile(r"tt[0-9]{7,10}\Z")
_PROBE_SCANS, _PROBE_COUNT = 50, 1000


@dataclass(frozen=True, slots=True)
class MovieRow:
    """One film as the model sees it."""

    movie_id: str
    title: str | None
    features: Row
    as_of: datetime


class FeatureStore:
    """Reads of one Redis, each within the deadline; every failure is a Refusal."""

    def __init__(self, settings: Settings) -> None:
        self._deadline = settings.redis_timeout_seconds
        pool = BlockingConnectionPool.from_url(
            settings.redis_url.get_secret_value(),
            max_connections=settings.redis_connections,
            timeout=self._deadline,
            socket_connect_timeout=self._deadline,
            retry=Retry(NoBackoff(), 0),  # the deadline has no room for a second try; the next request is one
            protocol=2,
        )
        self._redis: Redis = Redis.from_pool(pool)
        self.live: FeatureSet | None = None

    async def close(self) -> None:
        await self._redis.aclose()

    async def read_pointer(self) -> FeatureSet:
        """Ask Redis which feature set is live; raises NoFeatureSet when there is none."""
        async with self._within_deadline():
            pointer: bytes | None = await self._redis.get(POINTER_KEY)
        if pointer is None:
            self.live = None
            raise NoFeatureSet("no feature set is published yet; run the DAG refresh_movies")
        feature_set = parse_pointer(pointer)
        if feature_set != self.live:
            log.info("feature set %s is live: day %s, %d films", feature_set.name, feature_set.day, feature_set.movies)
            self.live = feature_set
        return feature_set

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

    async def read_movie(self, movie_id: MovieId, features: Sequence[str], fields: Sequence[bytes | str]) -> MovieRow:
        """Read one film from the set that is live now; `fields` is `row_fields(features)`, computed once per model.

        On a miss the pointer is read again: the set may have been replaced, or Redis emptied (then it is no 404).
        """
        async with self._within_deadline():
            feature_set = self.live or await self.read_pointer()
            try:
                return await self._read_movie(feature_set, movie_id, features, fields)
            except UnknownMovie:
                current = await self.read_pointer()
                if current.name == feature_set.name:
                    raise
                return await self._read_movie(current, movie_id, features, fields)

    async def _read_movie(
        self, feature_set: FeatureSet, asked: MovieId, features: Sequence[str], fields: Sequence[bytes | str]
    ) -> MovieRow:
        imdb_id = asked.imdb or await self._resolve_tmdb_id(feature_set, asked)
        *raw, title, time = await self._hmget(build_key("movie_id", imdb_id, feature_set.name), fields)
        if time is None:
            raise UnknownMovie(f"no film {asked} in the published features of {feature_set.day}")
        return MovieRow(imdb_id, decode_string(title, "title"), decode_doubles(raw, features), decode_timestamp(time))

    async def _resolve_tmdb_id(self, feature_set: FeatureSet, asked: MovieId) -> str:
        assert asked.tmdb is not None  # noqa: S101  # MovieId holds one of the two
        key = build_key("tmdb_id", asked.tmdb, feature_set.name)
        raw, time = await self._hmget(key, [_TMDB_MOVIE_ID, _TMDB_TIME])
        if time is None:
            raise UnknownMovie(f"no film with TMDB id {asked} in the published features of {feature_set.day}")
        imdb_id = decode_string(raw, f"{TMDB_IDS}:movie_id")
        if imdb_id is None or not _IMDB_ID.match(imdb_id):
            raise CorruptRow(f"TMDB id {asked} does not lead to an IMDb id")
        return imdb_id

    async def _hmget(self, key: bytes, fields: Sequence[bytes | str]) -> list[bytes | None]:
        values: list[bytes | None] = await self._redis.execute_command("HMGET", key, *fields)  # type: ignore[no-untyped-call]
        return values

    async def find_absent_features(self, features: Sequence[str]) -> list[str]:
        """Look at any one film of the live set: which of these features does its row not have at all?"""
        async with self._within_deadline(10):
            feature_set = self.live or await self.read_pointer()
            pattern = build_key_prefix("movie_id") + b"*" + feature_set.name.encode()
            cursor = 0
            for _ in range(_PROBE_SCANS):
                cursor, keys = await self._redis.scan(cursor, pattern, _PROBE_COUNT)
                if keys:
                    values = await self._hmget(keys[0], row_fields(features))
                    return [name for name, value in zip(features, values, strict=False) if value is None]
                if not cursor:
                    break
            return []

    @asynccontextmanager
    async def _within_deadline(self, times: int = 1) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline * times):
                yield
        except TimeoutError:
            raise StoreUnavailable(f"the feature store does not answer within {self._deadline * times:g} s") from None
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise CorruptRow("the key of the row holds something else than a row") from error
            raise StoreUnavailable(f"the feature store refuses to answer: {str(error).split(' ', 1)[0]}") from error
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"the feature store is unreachable ({type(error).__name__})") from error


_TMDB_MOVIE_ID, _TMDB_TIME = hash_field(TMDB_IDS, "movie_id"), timestamp_field(TMDB_IDS)


def row_fields(features: Sequence[str]) -> list[bytes | str]:
    """Hash fields of one film's row in the order that `read_movie` reads them: features, title, event time."""
    return [*(hash_field(MOVIES, name) for name in features), hash_field(MOVIES, "title"), timestamp_field(MOVIES)]
