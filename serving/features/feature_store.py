"""The online features in Redis: which feature set is live, and one film's row in it."""

import asyncio
import logging
import re
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import hiredis

from serving.errors import CorruptRow, NoFeatureSet, StoreUnavailable, UnknownMovie
from serving.features.deadline import Deadline
from serving.features.feature_set import POINTER_KEY, FeatureSet, parse_pointer
from serving.features.movie_row import MOVIES_KEY, MovieRow, RowQuery, build_query, decode_row, pack_row_query
from serving.features.online_row import build_key, build_key_prefix, decode_string, hash_field, timestamp_field
from serving.features.redis_command import pack, pack_around, pack_word
from serving.features.redis_pipe import RedisPipe
from serving.movie_id import MovieId
from serving.settings import Settings

log = logging.getLogger("serving.features.feature_store")

TMDB_IDS, TMDB_IDS_KEY = "tmdb_ids", "tmdb_id"
"""Feature view and join key of the films' IMDb ids by their TMDB ids."""
REFRESH_SECONDS = 1.0
"""How long a flip of the pointer may go unnoticed."""
_IMDB_ID = re.compile(r"tt[0-9]{7,10}\Z")
PROBE_SCANS, PROBE_COUNT, PROBE_DEADLINES = 50, 1000, 10
"""How far and how long the keys are searched for any one film when a model is to be loaded."""


T = TypeVar("T")


_TMDB_HEAD, _TMDB_TAIL = pack_around([b"HMGET"], [hash_field(TMDB_IDS, "movie_id"), timestamp_field(TMDB_IDS)])
_GET_POINTER = pack("GET", POINTER_KEY)


class FeatureStore:
    """Reads of one Redis, each within the deadline; every failure is a Refusal."""

    def __init__(self, settings: Settings) -> None:
        seconds = settings.redis_timeout_seconds
        self._deadline, self._probe_deadline = Deadline(seconds), Deadline(seconds * PROBE_DEADLINES)
        self._redis = RedisPipe(settings.redis_url.get_secret_value(), seconds)
        self.live: FeatureSet | None = None

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

    async def read_pointer(self) -> FeatureSet:
        """Ask Redis which feature set is live; raises NoFeatureSet when there is none."""
        return await keep(self._deadline, self._read_pointer())

    async def read_movie(self, movie_id: MovieId, query: RowQuery) -> MovieRow:
        """Read one film from the set that is live now; raises a Refusal, UnknownMovie when it has no row."""
        return await keep(self._deadline, self._read_movie(movie_id, query))

    async def find_absent_features(self, features: Sequence[str]) -> list[str]:
        """Look at any one film of the live set: which of these features does its row not have at all?"""
        return await keep(self._probe_deadline, self._find_absent_features(features))

    async def _read_pointer(self) -> FeatureSet:
        pointer: bytes | None = await self._redis.ask(_GET_POINTER)
        if pointer is None:
            self.live = None
            raise NoFeatureSet("no feature set is published yet; run the DAG refresh_movies")
        feature_set = parse_pointer(pointer)
        if self.live is None or feature_set.name != self.live.name:
            log.info("feature set %s is live: day %s, %d films", feature_set.name, feature_set.day, feature_set.movies)
        self.live = feature_set
        return feature_set

    async def _read_movie(self, movie_id: MovieId, query: RowQuery) -> MovieRow:
        feature_set = self.live or await self._read_pointer()
        try:
            return await self._read_row(feature_set, movie_id, query)
        except UnknownMovie:
            current = await self._read_pointer()  # the set may have been replaced, or Redis emptied: then it is no 404
            if current.name == feature_set.name:
                raise
            return await self._read_row(current, movie_id, query)

    async def _read_row(self, feature_set: FeatureSet, asked: MovieId, query: RowQuery) -> MovieRow:
        imdb_id = asked.imdb or await self._resolve_tmdb_id(feature_set, asked)
        row = decode_row(imdb_id, await self._redis.ask(pack_row_query(query, imdb_id, feature_set.name)), query)
        if row is None:
            raise UnknownMovie(f"no film {asked} in the published features of {feature_set.day}")
        return row

    async def _resolve_tmdb_id(self, feature_set: FeatureSet, asked: MovieId) -> str:
        key = build_key(TMDB_IDS_KEY, asked.tmdb or 0, feature_set.name)
        raw, time = await self._redis.ask(_TMDB_HEAD + pack_word(key) + _TMDB_TAIL)
        if time is None:
            raise UnknownMovie(f"no film with TMDB id {asked} in the published features of {feature_set.day}")
        imdb_id = decode_string(raw, f"{TMDB_IDS}:movie_id")
        if imdb_id is None or not _IMDB_ID.match(imdb_id):
            raise CorruptRow(f"TMDB id {asked} does not lead to an IMDb id")
        return imdb_id

    async def _find_absent_features(self, features: Sequence[str]) -> list[str]:
        feature_set = self.live or await self._read_pointer()
        pattern = build_key_prefix(MOVIES_KEY) + b"*" + feature_set.name.encode()
        query, cursor = build_query(features), b"0"
        for _ in range(PROBE_SCANS):
            cursor, keys = await self._redis.ask(pack("SCAN", cursor, "MATCH", pattern, "COUNT", PROBE_COUNT))
            if keys:
                values = await self._redis.ask(query.head + pack_word(keys[0]) + query.tail)
                return [name for name, value in zip(features, values, strict=False) if value is None]
            if cursor == b"0":
                break
        return []


async def keep(deadline: Deadline, work: Coroutine[Any, Any, T]) -> T:
    """The store's work within its deadline; every failure of Redis becomes a Refusal."""
    try:
        return await deadline.keep(work)
    except TimeoutError:
        raise StoreUnavailable(f"the feature store does not answer within {deadline.seconds:g} s") from None
    except hiredis.ReplyError as error:
        code = str(error).split(" ", 1)[0]
        if code == "WRONGTYPE":
            raise CorruptRow("the key of the row holds something else than a row") from error
        raise StoreUnavailable(f"the feature store refuses to answer ({code})") from error
    except (hiredis.HiredisError, OSError) as error:
        raise StoreUnavailable(f"the feature store is unreachable ({type(error).__name__})") from error
