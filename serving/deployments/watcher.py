"""Follows the key in Redis that names the live deployment: loads the new deployment beside the old one, then swaps them."""

import asyncio
import logging
import time

from serving.core.artifacts import ArtifactRejected, FetchFailed
from serving.core.errors import NoDeployment, PredictionError
from serving.deployments.deployment import Deployment
from serving.deployments.last_good import LastGood
from serving.deployments.live import LiveDeployments, RejectedDeployment
from serving.deployments.loader import DeploymentLoader
from serving.deployments.pointer import POINTER_KEY, DeploymentRecord, MalformedPointer, parse_pointer
from serving.features.feature_store import FeatureStore
from serving.settings import Settings

log = logging.getLogger("serving.deployments")

RETRY_REJECTED_SECONDS, RETRY_FETCH_SECONDS = 60.0, 5.0
"""Pause before a deployment is tried again. A rejected one is retried too, because its download may have been damaged."""


class DeploymentWatcher(LiveDeployments):
    """The live deployment, kept equal to the one that Redis names; one that does not verify never replaces one that did."""

    def __init__(self, settings: Settings, store: FeatureStore) -> None:
        super().__init__(has_bucket=bool(settings.s3_bucket))
        self._store, self._poll_seconds = store, settings.deployment_poll_seconds
        self._loader = DeploymentLoader(settings, store)
        self._last_good = LastGood(settings.deployment_cache_dir.resolve())
        self._tried: tuple[DeploymentRecord, float] | None = None
        """The record that could not be loaded, and the time of its next try."""

    async def load_last_good(self) -> None:
        """Serve the deployment that was served last, without reading from Redis which one is live."""
        try:
            pointer = await asyncio.to_thread(self._last_good.read)
            if pointer is None:
                return
            record = parse_pointer(pointer)
        except (MalformedPointer, OSError) as error:
            log.error("the record of the last good deployment cannot be used: %s", error)
            return
        deployment, problems = await self._loader.load(record, (), fetch=False)
        for problem in problems:
            log.error("deployment %d starts without a part: %s", record.id, problem)
        if deployment.model or deployment.predictions:
            self._swap(deployment)

    async def follow(self) -> None:
        """Poll the key until cancelled; log each problem once, and keep serving the live deployment."""
        while True:
            try:
                trouble = await self.poll()
            except (PredictionError, MalformedPointer, FetchFailed, OSError) as error:
                trouble = str(error)
            if trouble != self.trouble:
                stays = f"deployment {self.live.id} stays" if self.live else "nothing is served"
                log.log(logging.ERROR if trouble else logging.INFO, "%s", f"{trouble}; {stays}" if trouble else "following Redis")
            self.trouble = trouble
            await asyncio.sleep(self._poll_seconds)

    async def poll(self) -> str:
        """Read the key once and serve the deployment that it names; return the reason when that is not possible now, else ''.

        Raise a PredictionError, MalformedPointer, FetchFailed or OSError.
        """
        pointer = await self._store.read_key(POINTER_KEY.encode())
        if pointer is None:
            return f"Redis has no key {POINTER_KEY}" if self.live else ""
        record = parse_pointer(pointer)
        if self.live is not None and self.live.record == record and not self.live.problems:
            self.rejected = self._tried = None
            return ""
        if self._tried is not None and self._tried[0] == record and time.monotonic() < self._tried[1]:
            return self.trouble
        await self._replace(record, pointer)
        return ""

    async def check_present(self) -> None:
        """Raise NoDeployment when Redis has lost the key, and so perhaps all rows; raise StoreUnavailable when Redis is down."""
        if await self._store.read_key(POINTER_KEY.encode()) is None:
            raise NoDeployment("Redis does not hold the live deployment; the DAG reconcile writes it again within minutes")

    async def count_lost(self) -> int:
        """Return how many of the probed movies of the live deployment have no row in Redis. Raise a PredictionError."""
        return await self._loader.count_lost(self.live) if self.live else 0

    async def _replace(self, record: DeploymentRecord, pointer: bytes) -> None:
        deployment, problems = await self._loader.load(record, self.deployments.values())
        if not problems and self.live is not None and self.live.id != record.id:
            problems = await self._find_lost_features(deployment)
        if not problems or self._is_better_than_live(deployment):
            self._swap(deployment)
        if problems:
            rejection = next((problem for problem in problems if isinstance(problem, ArtifactRejected)), None)
            again = RETRY_REJECTED_SECONDS if rejection else RETRY_FETCH_SECONDS
            self._tried = (record, time.monotonic() + again)
            if rejection is None:
                raise FetchFailed(f"deployment {record.id} is not served: {problems[0]}")
            self.rejections += 1
            self.rejected = RejectedDeployment(record.id, str(rejection))
            log.error("deployment %d is rejected: %s", record.id, rejection)
            return
        self.rejected = self._tried = None
        await asyncio.to_thread(self._last_good.write, pointer)
        self._loader.keep_only(self.deployments.values())

    async def _find_lost_features(self, deployment: Deployment) -> list[Exception]:
        try:
            lost = await self._loader.count_lost(deployment)
        except PredictionError as error:
            return [FetchFailed(f"its features cannot be read: {error}")]
        if lost:
            name, probed = deployment.record.features.name, len(deployment.probe_ids)
            return [FetchFailed(f"{lost} of {probed} movies looked for have no row in feature set {name}")]
        return []

    def _is_better_than_live(self, deployment: Deployment) -> bool:
        """Return true when a partial deployment is worth serving: nothing is live, or fewer parts of the same deployment are."""
        if not (deployment.model or deployment.predictions):
            return False
        return self.live is None or (self.live.id == deployment.id and len(deployment.problems) < len(self.live.problems))
