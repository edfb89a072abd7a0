"""The two kinds of artifacts of a deployment, models and prediction databases, and the function that loads either."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from serving.core.artifacts import ArtifactRejected, FetchFailed
from serving.deployments.child import run_fetch_child
from serving.deployments.deployment import ServedModel
from serving.features.movie_row import build_query
from serving.models.cache import ModelCache
from serving.models.onnx_model import load_onnx_model
from serving.models.reference import ModelReference
from serving.models.release_record import check_golden, parse_release
from serving.prediction_set.cache import PredictionSetCache
from serving.prediction_set.database import PredictionDatabase
from serving.prediction_set.reference import PredictionSetReference

log = logging.getLogger("serving.deployments")

ReferenceT = TypeVar("ReferenceT")
LoadedT = TypeVar("LoadedT")
ReferenceT_contra = TypeVar("ReferenceT_contra", contravariant=True)
LoadedT_co = TypeVar("LoadedT_co", covariant=True)

MLFLOW_ENVIRONMENT = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Variables of the child that fetches a model. It retries little, because the next poll tries again."""


class ArtifactKind(Protocol[ReferenceT_contra, LoadedT_co]):
    """The interface of one kind of artifact: open it from the cache, fetch it, describe it."""

    @property
    def fetch_module(self) -> str:
        """Return the module that `python -m` runs to fetch it."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment variables to set for that child, in addition to ours."""
        ...

    def open(self, reference: ReferenceT_contra) -> LoadedT_co | None:
        """Verify and load the cached file; return None when it is not there. Raise ArtifactRejected. Blocks."""
        ...

    def arguments(self, reference: ReferenceT_contra) -> Sequence[str]:
        """Return the arguments of that child."""
        ...

    def describe(self, reference: ReferenceT_contra) -> str:
        """Return the artifact's name for a log line."""
        ...

    def keep_only(self, references: Iterable[ReferenceT_contra]) -> None:
        """Delete all other artifacts from the cache."""
        ...


async def load(kind: ArtifactKind[ReferenceT, LoadedT], reference: ReferenceT, fetch_seconds: float | None) -> LoadedT:
    """Load one artifact from the cache; fetch it first when it is not there. Raise ArtifactRejected or FetchFailed.

    fetch_seconds: time limit of the fetch; None to use only the cache.
    """
    try:
        loaded = await asyncio.to_thread(kind.open, reference)
    except ArtifactRejected as rejection:
        log.warning("%s is fetched again: %s", kind.describe(reference), rejection)
        loaded = None
    if loaded is None:
        if fetch_seconds is None:
            raise FetchFailed("it is not in the cache")
        await run_fetch_child(kind.fetch_module, kind.arguments(reference), kind.environment, fetch_seconds)
        loaded = await asyncio.to_thread(kind.open, reference)
    if loaded is None:
        raise FetchFailed("it is not in the cache after its download")
    return loaded


class ModelArtifacts:
    """The artifacts of the MLflow registry: models."""

    def __init__(self, tracking_uri: str, directory: Path) -> None:
        self._tracking_uri, self._directory = tracking_uri, directory
        self.fetch_module, self.environment = "serving.models.fetch_child", MLFLOW_ENVIRONMENT

    def open(self, reference: ModelReference) -> ServedModel | None:
        """Load the cached model and run its golden rows; return None when it is not there. Raise ModelRejected."""
        found = ModelCache(self._directory).read(reference)
        if found is None:
            return None
        record, onnx = parse_release(found[1]), load_onnx_model(found[0])
        check_golden(onnx, record)
        return ServedModel(reference, record, onnx, build_query(onnx.features))

    def arguments(self, reference: ModelReference) -> Sequence[str]:
        """Return the version, its digests, and the cache folder."""
        version = ["--name", reference.name, "--version", reference.version, "--sha256", reference.sha256]
        digest = ["--release-sha256", reference.release_sha256]
        return [*version, *digest, "--tracking-uri", self._tracking_uri, "--cache", str(self._directory)]

    def describe(self, reference: ModelReference) -> str:
        """Return the name of the version."""
        return f"model {reference.name} {reference.version}"

    def keep_only(self, references: Iterable[ModelReference]) -> None:
        """Delete all other versions."""
        ModelCache(self._directory).keep_only(references)


class PredictionArtifacts:
    """The artifacts in the bucket: prediction databases."""

    def __init__(self, bucket: str, directory: Path) -> None:
        self._bucket, self._directory = bucket, directory
        self.fetch_module, self.environment = "serving.prediction_set.fetch_child", dict[str, str]()

    def open(self, reference: PredictionSetReference) -> PredictionDatabase | None:
        """Open the cached database; return None when it is not there. Raise PredictionSetRejected."""
        return PredictionSetCache(self._directory).open(reference.sha256)

    def arguments(self, reference: PredictionSetReference) -> Sequence[str]:
        """Return the object, its size and digest, and the cache folder."""
        file = ["--bucket", self._bucket, "--key", reference.key, "--sha256", reference.sha256, "--bytes", str(reference.size)]
        return [*file, "--cache", str(self._directory)]

    def describe(self, reference: PredictionSetReference) -> str:
        """Return the name of the prediction set."""
        return f"prediction set {reference.name}"

    def keep_only(self, references: Iterable[PredictionSetReference]) -> None:
        """Delete all other files."""
        PredictionSetCache(self._directory).keep_only(reference.sha256 for reference in references)
