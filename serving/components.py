"""The components of one application, connected once and shared by HTTP and gRPC."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from serving.access.api_keys import ApiKeys
from serving.access.policy import AccessPolicy, make_access_policy
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_store import FeatureStore
from serving.prediction.service import PredictionService
from serving.receipts.queue import ReceiptQueue
from serving.settings import Settings
from serving.telemetry.access_log import AccessLog
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.metrics import Metrics

REDIS_SECONDS = 0.5
"""Time that the start waits for Redis; without Redis, answers come from the published predictions."""
RECEIPT_SECONDS = 5.0
"""Time that the shutdown waits for Postgres to accept the queued receipts."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The components of one application. Call `open` before the first request and `close` after the last one."""

    settings: Settings
    store: FeatureStore
    deployments: DeploymentWatcher
    receipts: ReceiptQueue
    metrics: Metrics
    service: PredictionService
    access_log: AccessLog
    keys: ApiKeys | None
    access_policy: AccessPolicy | None

    @classmethod
    def make(cls, settings: Settings, log_writer: LogWriter) -> Self:
        """Return connected components without opening a connection; raise MalformedKeys or OSError for an unreadable key file."""
        store = FeatureStore(settings)
        deployments = DeploymentWatcher(settings, store)
        metrics = Metrics(deployments, log_writer)
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
            deployments=deployments,
            receipts=receipts,
            metrics=metrics,
            service=PredictionService(settings, store=store, deployments=deployments, receipts=receipts, metrics=metrics),
            access_log=AccessLog(log_writer),
            keys=keys,
            access_policy=make_access_policy(settings, keys),
        )

    async def open(self) -> None:
        """Load the last good deployment from the local caches, so that a restarted process can answer its first request."""
        self.receipts.start()
        await self.store.wait_until_reachable(REDIS_SECONDS)
        await self.deployments.load_last_good()

    @property
    def followers(self) -> list[Callable[[], Awaitable[None]]]:
        """Return the endless coroutines that keep the components up to date."""
        return [self.deployments.follow, *([self.keys.follow] if self.keys else [])]

    async def close(self) -> None:
        """Close the connections; wait up to RECEIPT_SECONDS for the queued receipts."""
        await self.store.close()
        self.deployments.close()
        await asyncio.to_thread(self.receipts.close, RECEIPT_SECONDS)
