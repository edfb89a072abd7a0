"""The catalogue that is searched and fallen back on: taken from the cache at start, replaced when newer ratings are published."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import Protocol

from serving.core.errors import PredictionError
from serving.prediction_set.cache import PredictionSetCache
from serving.prediction_set.database import PredictionDatabase
from serving.prediction_set.fetch import FetchFailed, fetch
from serving.prediction_set.metadata import PredictionSetRejected
from serving.prediction_set.pointer import POINTER_KEY, Published, parse_pointer
from serving.settings import Settings

log = logging.getLogger("serving.prediction_set.watcher")

POLL_SECONDS = 5.0
RETRY_REFUSED_SECONDS = 60.0
"""A refused catalogue is tried again after this time: its bytes may have been cut on the way."""


class KeyReader(Protocol):
    """What this file needs of the feature store."""

    async def read_key(self, key: bytes) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class RejectedPredictionSet:
    """The published catalogue that is not served, and why."""

    sha256: str
    reason: str
    retry_at: float


class PredictionSetWatcher:
    """Holds `current` and follows the pointer; a file that does not verify never becomes current. Idle without a bucket."""

    def __init__(self, settings: Settings, store: KeyReader) -> None:
        self._bucket, self._keys = settings.s3_bucket, store
        self._cache = PredictionSetCache(settings.catalogue_cache_dir.resolve())
        self.current: PredictionDatabase | None = None
        self.refused: RejectedPredictionSet | None = None
        self.refusals = 0
        self.trouble = ""
        """What keeps us from following the pointer now, or ''."""

    def explain_absence(self) -> str:
        """Why there is no catalogue, for a caller: what to do, and nothing about our addresses."""
        if self._bucket is None:
            return "there is no catalogue of films: S3_BUCKET is not set"
        if self.refused is not None:
            return "there is no catalogue of films: the published one did not verify"
        if self.trouble:
            return "there is no catalogue of films: it cannot be fetched now, and there is none on disk"
        return "there is no catalogue of films yet; run the DAG predict_all"

    async def load_last_good(self) -> None:
        """Serve what was served last, without S3 or Redis; a damaged cache is said and left for the first poll to mend."""
        if self._bucket is None:
            return
        try:
            catalogue = await asyncio.to_thread(self._cache.open_last_good)
            if catalogue is not None:
                self._serve(catalogue)
        except PredictionSetRejected as refusal:
            log.error("the last good catalogue is not served: %s", refusal)

    async def follow(self) -> None:
        """Poll the pointer until cancelled; whatever fails is said once, and what is served stays."""
        while self._bucket is not None:
            try:
                await self.poll()
                trouble = ""
            except (PredictionError, FetchFailed, OSError) as error:
                trouble = str(error)
            if trouble != self.trouble and trouble:
                log.error("%s; %s", trouble, "the served catalogue stays" if self.current else "there is no catalogue to serve")
            self.trouble = trouble
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.Event().wait()

    async def poll(self) -> None:
        """Look at the pointer once and serve the catalogue it names; raises a PredictionError, FetchFailed or OSError."""
        body = await self._keys.read_key(POINTER_KEY.encode())
        if body is None:
            return
        published = parse_pointer(body)
        if self.current is not None and self.current.about.sha256 == published.sha256:
            self.refused = None
            self._note_day(self.current, published)
            return
        if self.refused is not None and self.refused.sha256 == published.sha256 and time.monotonic() < self.refused.retry_at:
            return
        try:
            await self._replace(published)
            self.refused = None
        except PredictionSetRejected as refusal:
            self.refusals += 1
            self.refused = RejectedPredictionSet(published.sha256, str(refusal), time.monotonic() + RETRY_REFUSED_SECONDS)
            log.error("catalogue %s… is refused: %s", published.sha256[:12], refusal)

    def close(self) -> None:
        """Close the file; for the end of the service."""
        if self.current is not None:
            self.current.close()
            self.current = None

    def _note_day(self, current: PredictionDatabase, published: Published) -> None:
        """The same ratings were found right for another day."""
        if current.about.day != published.day:
            current.about = replace(current.about, day=published.day)
            self._cache.note_last_good(published.sha256, published.day)

    async def _replace(self, published: Published) -> None:
        before = self.current.about.sha256 if self.current else published.sha256
        try:
            found = await asyncio.to_thread(self._cache.open, published.sha256, published.day)
        except PredictionSetRejected as refusal:
            log.warning("catalogue %s… is fetched again: %s", published.sha256[:12], refusal)
            found = None
        if found is None:
            await fetch(self._bucket or "", published, self._cache.directory)
            found = await asyncio.to_thread(self._cache.open, published.sha256, published.day)
        if found is None:
            raise FetchFailed(f"catalogue {published.sha256[:12]}… is not in the cache after its download")
        self._serve(found)
        self._cache.note_last_good(published.sha256, published.day)
        self._cache.keep_only([published.sha256, before])

    def _serve(self, catalogue: PredictionDatabase) -> None:
        before, self.current = self.current, catalogue
        if before is not None:
            before.close()  # whoever asks it does so without awaiting, so nobody is asking it now
        about = catalogue.about
        log.info("serving catalogue %s…: %d films rated by version %s", about.sha256[:12], about.films, about.model_version)
