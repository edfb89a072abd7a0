"""The model that is served: taken from the cache at start, replaced in memory when the champion changes."""

import asyncio
import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from serving.core.errors import PredictionError
from serving.features.feature_set import FeatureSet
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import RowQuery, build_query
from serving.models.model_cache import Manifest, ModelCache, ModelVersion
from serving.models.onnx_model import ModelRejected, OnnxModel, load_onnx_model
from serving.models.registry import ALIAS, MODEL_NAME, RegistryUnavailable, fetch_champion
from serving.models.release_record import ReleaseRecord, check_golden, parse_release
from serving.settings import Settings

log = logging.getLogger("serving.models.release_watcher")

RETRY_REFUSED_SECONDS = 60.0
"""A refused version is tried again after this time: its bytes may have been cut on the way."""
_PROJECT_ROOT = Path(__file__).parents[2]


class FetchFailed(Exception):
    """The version could not be fetched now; a later poll tries again."""


@dataclass(frozen=True, slots=True)
class Release:
    """What one answer is made with; a request keeps the one it started with."""

    manifest: Manifest
    record: ReleaseRecord
    predictor: OnnxModel
    query: RowQuery
    """Reads the model's features in its own order."""


@dataclass(frozen=True, slots=True)
class RejectedVersion:
    """The champion that is not served, and why."""

    version: ModelVersion
    reason: str
    retry_at: float


class ReleaseWatcher:
    """Holds `current` and follows the alias; a version that does not verify never becomes current."""

    def __init__(self, settings: Settings, store: FeatureStore) -> None:
        self._settings, self._store = settings, store
        self._cache = ModelCache(settings.model_cache_dir.resolve())
        self.current: Release | None = None
        self.refused: RejectedVersion | None = None
        self.refusals = 0
        self.trouble = "the registry was not asked yet"
        """What keeps us from following the alias now, or ''."""

    def explain_absence(self) -> str:
        """Why there is no model to serve, for a caller: what to do, and nothing about our addresses."""
        if self.refused is not None:
            return f"no model is loaded: {self.refused.version.name} {self.refused.version.version} did not verify"
        if self.trouble:
            return "no model is loaded: the model registry does not answer and there is no verified model on disk"
        return f"no model is loaded: no version of {MODEL_NAME} is {ALIAS} yet; run the DAG train_model"

    async def load_last_good(self) -> None:
        """Serve what was served last, without MLflow; a damaged cache is said and left for the first poll to mend."""
        try:
            version = self._cache.last_good()
            found = await asyncio.to_thread(self._cache.read, version) if version else None
            if found is not None:
                await self._serve(*found)
            elif version is not None:
                log.error("the last good model %s %s is no longer in the cache", version.name, version.version)
        except ModelRejected as refusal:
            log.error("the last good model is not served: %s", refusal)

    async def follow_champion(self) -> None:
        """Poll the alias until cancelled; whatever fails is said once, and what is served stays."""
        while True:
            try:
                await self.poll()
                trouble = ""
            except (RegistryUnavailable, FetchFailed, OSError) as error:
                trouble = str(error)
            if trouble != self.trouble and trouble:
                log.error("%s; %s", trouble, "the served model stays" if self.current else "there is no model to serve")
            self.trouble = trouble
            await asyncio.sleep(self._settings.model_poll_seconds)

    async def poll(self) -> None:
        """Look the alias up once and serve the version it names; raises RegistryUnavailable or FetchFailed."""
        champion = await asyncio.to_thread(fetch_champion, self._settings.mlflow_tracking_uri)
        if champion is None or (self.current is not None and champion == self.current.manifest.model_version):
            self.refused = None
            return
        if self.refused is not None and self.refused.version == champion and time.monotonic() < self.refused.retry_at:
            return
        try:
            await self._replace(champion)
            self.refused = None
        except ModelRejected as refusal:
            self.refusals += 1
            self.refused = RejectedVersion(champion, str(refusal), time.monotonic() + RETRY_REFUSED_SECONDS)
            log.error("champion %s %s is refused: %s", champion.name, champion.version, refusal)

    async def _replace(self, champion: ModelVersion) -> None:
        before = self.current
        try:
            found = await asyncio.to_thread(self._cache.read, champion)
        except ModelRejected as refusal:
            log.warning("%s %s is fetched again: %s", champion.name, champion.version, refusal)
            found = None
        if found is None:
            await self._fetch(champion)
            found = await asyncio.to_thread(self._cache.read, champion)
        if found is None:
            raise FetchFailed(f"{champion.name} {champion.version} is not in the cache after its download")
        await self._serve(*found)
        self._cache.note_last_good(champion)
        self._cache.keep_only([champion, *([before.manifest.model_version] if before else [])])

    async def _serve(self, model: bytes, release: bytes, manifest: Manifest) -> None:
        """Load one verified version and answer with it from now on, from a feature set that it fits; raises ModelRejected."""
        record = parse_release(release)
        predictor = await asyncio.to_thread(load_golden, model, record)
        published = await self._find_fitting_set(record, predictor.features)
        # Nothing is awaited between these two: an answer is made with both of before or with both of now.
        self._store.pair_with(record.schema_hash, published)
        self.current = Release(manifest, record, predictor, build_query(predictor.features))
        log.info("serving model %s %s (sha256 %s…)", manifest.name, manifest.version, manifest.sha256[:12])

    async def _find_fitting_set(self, record: ReleaseRecord, features: tuple[str, ...]) -> FeatureSet | None:
        """The published set, if the model can read it; None where Redis is away, and each row is checked when it is read."""
        try:
            published = await self._store.find_published()
            absent = await self._store.find_absent_features(features, published)
        except PredictionError as refusal:
            log.warning("the model is served without a look at the features: %s", refusal)
            return None
        if published.schema_hash and published.schema_hash != record.schema_hash:
            raise ModelRejected(
                f"the published feature set {published.name} has schema {published.schema_hash[:12]}…,"
                f" the model was trained on {record.schema_hash[:12]}…"
            )
        if absent:
            raise ModelRejected(f"the live feature set lacks {len(absent)} of its features: {', '.join(absent[:5])}")
        return published

    async def _fetch(self, version: ModelVersion) -> None:
        """Run the download and the trial in a child; raises ModelRejected or FetchFailed."""
        uri, cache = self._settings.mlflow_tracking_uri, str(self._settings.model_cache_dir.resolve())
        arguments = ["--name", version.name, "--version", version.version, "--tracking-uri", uri, "--cache", cache]
        child = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "serving.models.fetch_child", *arguments],
            cwd=_PROJECT_ROOT,
            env=os.environ | CHILD_ENVIRONMENT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._settings.model_fetch_seconds):
                _, stderr = await child.communicate()
        except TimeoutError:
            raise FetchFailed(f"fetching {version.name} {version.version} took too long and was stopped") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        said = stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        if child.returncode == os.EX_TEMPFAIL:
            raise FetchFailed(f"fetching {version.name} {version.version} failed: {said}")
        if child.returncode != os.EX_OK:
            raise ModelRejected(said if child.returncode == os.EX_DATAERR else f"its trial ended with {child.returncode}: {said}")


def load_golden(model: bytes, record: ReleaseRecord) -> OnnxModel:
    """Load a model and run its golden rows; raises ModelRejected."""
    predictor = load_onnx_model(model)
    check_golden(predictor, record)
    return predictor


CHILD_ENVIRONMENT = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""The child gives up soon: the next poll is its retry."""
