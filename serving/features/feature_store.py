"""The online features in Redis: which feature set is live, and films' rows in it."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import hiredis

from serving.errors import CorruptRow, NoFeatureSet, Refusal, StoreUnavailable, UnknownMovie
from serving.features.breaker import Breaker
from serving.features.deadline import Deadline
from serving.features.feature_set import POINTER_KEY, FeatureSet, parse_pointer
from serving.features.movie_row import MOVIES_KEY, MovieRow, RowQuery, build_query, explain, find_row, pack_row_query, refused
from serving.features.online_row import build_key_prefix
from serving.features.redis_command import pack, pack_word
from serving.features.redis_pipe import RedisPipe
from serving.features.tmdb_id import find_imdb_id, pack_tmdb_query
from serving.movie_id import MovieId
from serving.settings import Settings
from serving.turns import in_turns

log = logging.getLogger("serving.features")

REFRESH_SECONDS = 1.0
"""How long a flip of the pointer may go unnoticed."""
PROBE_SCANS, PROBE_COUNT = 50, 1000
"""How far the keys are searched for any one film when a model is to be loaded."""
LONG_WORK = 10
"""What reads many rows or keys may take this many times as long as one answer."""

T = TypeVar("T")
_GET_POINTER = pack("GET", POINTER_KEY)


class FeatureStore:
    """Reads of one Redis, each within the deadline; every failure is a Refusal."""

    def __init__(self, settings: Settings) -> None:
        seconds = settings.redis_timeout_seconds
        self._deadline, self._long_deadline = Deadline(seconds), Deadline(seconds * LONG_WORK)
        self._breaker = Breaker()
        self._redis = RedisPipe(settings.redis_url.get_secret_value(), seconds)
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
            except Refusal:
                return  # Redis answers; what it says is no answer yet
            else:
                return

    async def read_pointer(self) -> FeatureSet:
        """Ask Redis which feature set is live, and read from it if the model can; raises NoFeatureSet when there is none."""
        return await self._keep(self._deadline, self._read_pointer())

    async def find_published(self) -> FeatureSet:
        """Ask Redis which feature set is published, whatever the served model can read; raises a Refusal."""
        return await self._keep(self._deadline, self._find_published())

    async def read_key(self, key: bytes) -> bytes | None:
        """Read one string; raises StoreUnavailable or CorruptRow."""
        value: bytes | None = await self._keep(self._deadline, self._redis.ask(pack("GET", key)))
        return value

    def pair_with(self, schema_hash: str, published: FeatureSet | None) -> None:
        """From now on read only sets of this schema, and this one if there is one; '' takes any."""
        self._schema_hash = schema_hash
        if published is not None:
            self._take(published)

    async def read_movie(self, movie_id: MovieId, query: RowQuery) -> MovieRow:
        """Read one film from the set that is live now; raises a Refusal, UnknownMovie when it has no row."""
        if self._breaker.is_open:
            raise StoreUnavailable("the feature store does not answer; it is asked again each second")
        return await self._keep(self._deadline, self._read_movie(movie_id, query))

    async def read_movies(self, movie_ids: Sequence[MovieId], query: RowQuery) -> list[MovieRow | Refusal]:
        """Read many films in one round trip, one more where there are TMDB ids among them; raises StoreUnavailable."""
        if self._breaker.is_open:
            raise StoreUnavailable("the feature store does not answer; it is asked again each second")
        return await self._keep(self._long_deadline, self._read_movies(movie_ids, query))

    async def find_absent_features(self, features: Sequence[str], feature_set: FeatureSet) -> list[str]:
        """Look at any one film of the set: which of these features does its row not have at all?"""
        return await self._keep(self._long_deadline, self._find_absent_features(features, feature_set))

    async def _find_published(self) -> FeatureSet:
        pointer: bytes | None = await self._redis.ask(_GET_POINTER)
        if pointer is None:
            self.live = None
            raise NoFeatureSet("no feature set is published yet; run the DAG refresh_movies")
        return parse_pointer(pointer)

    async def _read_pointer(self) -> FeatureSet:
        self._take(await self._find_published())
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
        imdb_id = asked.imdb or find_imdb_id(await self._redis.ask(pack_tmdb_query(feature_set, asked)), asked, feature_set)
        reply = await self._redis.ask(pack_row_query(query, imdb_id, feature_set.name))
        return find_row(reply, imdb_id, asked, query, feature_set)

    async def _read_movies(self, movie_ids: Sequence[MovieId], query: RowQuery) -> list[MovieRow | Refusal]:
        """The pointer is read again first: many misses of a set that was replaced would be as many more questions."""
        feature_set = await self._read_pointer()
        by_tmdb_id = [movie_id for movie_id in movie_ids if movie_id.imdb is None]
        replies = await self._redis.ask_many([pack_tmdb_query(feature_set, movie_id) for movie_id in by_tmdb_id])
        resolved: dict[MovieId, str | Refusal] = {
            asked: refused(find_imdb_id, reply, asked, feature_set) for asked, reply in zip(by_tmdb_id, replies, strict=True)
        }
        imdb_ids = [movie_id.imdb or resolved[movie_id] for movie_id in movie_ids]
        readable = [imdb_id for imdb_id in imdb_ids if isinstance(imdb_id, str)]
        rows = iter(await self._redis.ask_many([pack_row_query(query, imdb_id, feature_set.name) for imdb_id in readable]))
        return [
            refused(find_row, next(rows), imdb_id, asked, query, feature_set) if isinstance(imdb_id, str) else imdb_id
            async for asked, imdb_id in in_turns(zip(movie_ids, imdb_ids, strict=True))
        ]

    async def _find_absent_features(self, features: Sequence[str], feature_set: FeatureSet) -> list[str]:
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

    async def _keep(self, deadline: Deadline, work: Coroutine[Any, Any, T]) -> T:
        """The work within its deadline; every failure of Redis becomes a Refusal, and those in a row open the breaker."""
        try:
            found = await deadline.keep(work)
        except TimeoutError:
            self._breaker.note_failure()
            raise StoreUnavailable(f"the feature store does not answer within {deadline.seconds:g} s") from None
        except hiredis.ReplyError as error:
            self._breaker.note_failure()
            raise explain(error) from error
        except (hiredis.HiredisError, OSError) as error:
            self._breaker.note_failure()
            raise StoreUnavailable(f"the feature store is unreachable ({type(error).__name__})") from error
        except Refusal:
            self._breaker.note_answer()
            raise
        self._breaker.note_answer()
        return found
