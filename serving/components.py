"""The parts that one application is made of, wired once; HTTP and gRPC answer with the same ones."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from serving.access.api_keys import ApiKeys
from serving.access.policy import AccessPolicy, make_access_policy
from serving.features.feature_store import FeatureStore
from serving.models.release_watcher import ReleaseWatcher
from serving.prediction.service import PredictionService
from serving.prediction_set.watcher import PredictionSetWatcher
from serving.receipts.queue import ReceiptQueue
from serving.settings import Settings
from serving.telemetry.access_log import AccessLog
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.metrics import Metrics

POINTER_SECONDS = 0.5
"""The start waits this long for the pointer in Redis; without it answers come from the published predictions."""
RECEIPT_SECONDS = 5.0
"""The end waits this long for Postgres to take the queued receipts."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Made by `make`; `open` before the first request, `follow` beside the requests, `close` after the last one."""

    settings: Settings
    store: FeatureStore
    releases: ReleaseWatcher
    prediction_sets: PredictionSetWatcher
    receipts: ReceiptQueue
    metrics: Metrics
    service: PredictionService
    access_log: AccessLog
    keys: ApiKeys | None
    access_policy: AccessPolicy | None

    @classmethod
    def make(cls, settings: Settings, log_writer: LogWriter) -> Self:
        """Wire the parts without opening a connection; raise MalformedKeys or OSError when the file of keys cannot be read."""
        store = FeatureStore(settings)
        releases = ReleaseWatcher(settings, store)
        prediction_sets = PredictionSetWatcher(settings, store)
        metrics = Metrics(store, releases, log_writer)
        url = settings.receipts_database_url
        receipts = ReceiptQueue(
            url.get_secret_value() if url else None,
            settings.receipts_queue,
            settings.receipts_per_second,
            metrics.receipts_dropped,
            metrics.receipts_written,
        )
        keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
        return cls(
            settings=settings,
            store=store,
            releases=releases,
            prediction_sets=prediction_sets,
            receipts=receipts,
            metrics=metrics,
            service=PredictionService(
                settings, store=store, watch=releases, catalogues=prediction_sets, receipts=receipts, metrics=metrics
            ),
            access_log=AccessLog(log_writer),
            keys=keys,
            access_policy=make_access_policy(settings, keys),
        )

    async def open(self) -> None:
        """Load what answers need from the local caches, so that a renewed process can answer its first request."""
        self.receipts.start()
        await self.prediction_sets.load_last_good()
        await self.store.wait_for_pointer(POINTER_SECONDS)
        await self.releases.load_last_good()

    @property
    def followers(self) -> list[Callable[[], Awaitable[None]]]:
        """Return the endless coroutines that keep the parts current."""
        followers = [self.store.follow_pointer, self.releases.follow_champion, self.prediction_sets.follow]
        return [*followers, *([self.keys.follow] if self.keys else [])]

    async def close(self) -> None:
        """Close the connections, and give the queued receipts RECEIPT_SECONDS."""
        await self.store.close()
        self.prediction_sets.close()
        await asyncio.to_thread(self.receipts.close, RECEIPT_SECONDS)
