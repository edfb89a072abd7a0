"""Loads a deployment from its record; each part comes from memory, the cache or its store."""

import logging
from collections.abc import Iterable
from typing import TypeVar

from serving.core.artifacts import ArtifactRejected, FetchFailed
from serving.core.errors import PredictionError, UnknownMovie
from serving.core.requested_id import RequestedId
from serving.deployments.artifacts import ArtifactKind, ModelArtifacts, PredictionArtifacts, load
from serving.deployments.deployment import Deployment, ServedModel, make_provenance
from serving.deployments.pointer import DeploymentRecord
from serving.features.feature_store import FeatureStore
from serving.models.reference import ModelReference
from serving.prediction_set.database import PredictionDatabase
from serving.prediction_set.reference import PredictionSetReference
from serving.settings import Settings

log = logging.getLogger("serving.deployments")

ReferenceT = TypeVar("ReferenceT")
LoadedT = TypeVar("LoadedT")
PROBES = 5
"""Number of movies, spread over the whole set, whose rows are looked for in Redis."""


class DeploymentLoader:
    """A loader of deployments; without S3_BUCKET they have no predictions."""

    def __init__(self, settings: Settings, store: FeatureStore) -> None:
        self._store, self._fetch_seconds = store, settings.artifact_fetch_seconds
        directory, tracking_uri = settings.deployment_cache_dir.resolve(), settings.mlflow_tracking_uri
        self._models: ArtifactKind[ModelReference, ServedModel] = ModelArtifacts(tracking_uri, directory / "models")
        self._predictions: ArtifactKind[PredictionSetReference, PredictionDatabase] | None = (
            PredictionArtifacts(settings.s3_bucket, directory / "predictions") if settings.s3_bucket else None
        )

    async def load(
        self, record: DeploymentRecord, loaded: Iterable[Deployment], fetch: bool = True
    ) -> tuple[Deployment, list[Exception]]:
        """Return the deployment with the parts that could be loaded, and an exception for each part that could not.

        The exceptions are ArtifactRejected, FetchFailed or OSError. loaded: deployments in memory whose parts are reused where
        they are the same; fetch: false to use only the cache.
        """
        models = {other.model.reference: other.model for other in loaded if other.model}
        databases = {other.predictions.metadata.sha256: other.predictions for other in loaded if other.predictions}
        problems: dict[str, Exception] = {}
        model: ServedModel | None = None
        predictions: PredictionDatabase | None = None
        try:
            found = models.get(record.model)
            if found is None:
                found = await self._load_part(self._models, record.model, fetch)
            await self._check_features(found, record)
            model = found
        except (ArtifactRejected, FetchFailed, OSError) as problem:
            problems["model"] = problem
        if self._predictions is not None:
            try:
                database = databases.get(record.predictions.sha256)
                if database is None:
                    database = await self._load_part(self._predictions, record.predictions, fetch)
                check_origin(database, record)
                predictions = database
            except (ArtifactRejected, FetchFailed, OSError) as problem:
                problems["predictions"] = problem
        probes = tuple(RequestedId(movie_id=movie_id) for movie_id in predictions.sample_ids(PROBES)) if predictions else ()
        reasons = {part: str(problem) for part, problem in problems.items()}
        return Deployment(record, make_provenance(record), model, predictions, reasons, probes), list(problems.values())

    async def count_lost(self, deployment: Deployment) -> int:
        """Return how many of the probed movies have no row in Redis. Raise a PredictionError when Redis cannot be read."""
        if deployment.model is None or not deployment.probe_ids:
            return 0
        rows = await self._store.read_movies(deployment.probe_ids, deployment.model.query, deployment.record.features)
        return sum(isinstance(row, UnknownMovie) for row in rows)

    def keep_only(self, deployments: Iterable[Deployment]) -> None:
        """Delete the cached artifacts that none of these deployments uses."""
        records = [deployment.record for deployment in deployments]
        self._models.keep_only(record.model for record in records)
        if self._predictions is not None:
            self._predictions.keep_only(record.predictions for record in records)

    async def _load_part(self, kind: ArtifactKind[ReferenceT, LoadedT], reference: ReferenceT, fetch: bool) -> LoadedT:
        try:
            return await load(kind, reference, self._fetch_seconds if fetch else None)
        except (ArtifactRejected, FetchFailed) as problem:
            raise type(problem)(f"{kind.describe(reference)}: {problem}") from None

    async def _check_features(self, model: ServedModel, record: DeploymentRecord) -> None:
        """Raise ArtifactRejected unless the model fits the feature set; each row is checked again when it is read."""
        if record.features.schema_hash != model.record.schema_hash:
            raise ArtifactRejected(
                f"feature set {record.features.name} has schema {record.features.schema_hash[:12]}…,"
                f" the model was trained on {model.record.schema_hash[:12]}…"
            )
        try:
            absent = await self._store.read_absent_features(model.onnx.features, record.features)
        except PredictionError as error:
            log.warning("deployment %d is loaded, but its features could not be checked: %s", record.id, error)
            return
        if absent:
            raise ArtifactRejected(f"feature set {record.features.name} lacks {len(absent)} features: {', '.join(absent[:5])}")


def check_origin(predictions: PredictionDatabase, record: DeploymentRecord) -> None:
    """Raise ArtifactRejected unless the deployment's model made the predictions from its feature set."""
    metadata = predictions.metadata
    for what, found, expected in (
        ("model", metadata.model_sha256, record.model.sha256),
        ("features", metadata.content_hash, record.features.content_hash),
    ):
        if found != expected:
            raise ArtifactRejected(
                f"prediction set {metadata.prediction_set} is of {what} {found[:12]}…, the deployment has {expected[:12]}…"
            )
