"""Predicts a movie's rating from fresh features, else from stale ones; else returns the published prediction or an error.

HTTP and gRPC both call this service, so their answers are the same. Each answer is counted and gets a receipt.
"""

import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np

from serving.core.answer import FRESH, PREDICTION_SET, STALE, Answer
from serving.core.cooperative import yielding_to_loop
from serving.core.errors import LostFeatures, NoPredictionSet, PredictionError, UnknownMovie
from serving.core.rating import RATING_DECIMALS, check_rating
from serving.core.requested_id import RequestedId
from serving.deployments.deployment import Deployment, ServedModel
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import MovieRow
from serving.prediction.what_if import WhatIf, apply_overrides
from serving.prediction_set.database import PublishedMovie
from serving.receipts.queue import ReceiptQueue
from serving.receipts.receipt import PredictionIds, Receipt
from serving.settings import Settings
from serving.telemetry.metrics import Metrics

log = logging.getLogger("serving.prediction.service")

Overrides = Mapping[str, float | None]


class PredictionService:
    """The prediction service; each request uses the deployment that is live when the request begins."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: FeatureStore,
        deployments: DeploymentWatcher,
        receipts: ReceiptQueue,
        metrics: Metrics,
    ) -> None:
        self._store, self._deployments = store, deployments
        self._receipts, self._metrics, self._ids = receipts, metrics, PredictionIds()
        self._max_age, self._may_fall_back = settings.features_max_age_seconds, settings.prediction_set_fallback

    async def predict(self, requested_id: RequestedId, endpoint: str) -> Answer:
        """Predict one movie. Raise a PredictionError. endpoint: its name in the receipt."""
        deployment = self._deployments.live
        try:
            deployment, model = self._deployments.require_model()
            row = await self._read_movie(requested_id, model, deployment)
            return self._answer(row, deployment, model.onnx.predict(row.features), endpoint)
        except PredictionError as error:
            return self._fall_back(requested_id, deployment, error, endpoint)

    async def predict_batch(self, requested_ids: Sequence[RequestedId], endpoint: str) -> list[Answer | PredictionError]:
        """Predict many movies with one call of the model and at most two round trips to Redis; return an entry for each."""
        deployment = self._deployments.live
        try:
            deployment, model = self._deployments.require_model()
            rows = await self._store.read_movies(requested_ids, model.query, deployment.record.features)
            if deployment.predictions is None and any(isinstance(row, UnknownMovie) for row in rows):
                await self._deployments.check_present()
        except PredictionError as error:
            return [
                self._fall_back_or_return(requested_id, deployment, error, endpoint)
                async for requested_id in yielding_to_loop(requested_ids)
            ]
        features = [row.features for row in rows if isinstance(row, MovieRow)]
        outputs = iter(model.onnx.run(np.stack(features)).tolist() if features else [])
        return [
            self._answer_row(row, deployment, next(outputs), requested_id, endpoint)
            if isinstance(row, MovieRow)
            else self._fall_back_or_return(requested_id, deployment, find_cause(row, requested_id, deployment), endpoint)
            async for requested_id, row in yielding_to_loop(zip(requested_ids, rows, strict=True))
        ]

    async def predict_what_if(self, requested_id: RequestedId, overrides: Overrides) -> WhatIf:
        """Predict one movie with its own features and with these overrides. Raise a PredictionError, or UnknownFeature.

        There is no fallback, because a prediction set does not hold features.
        """
        try:
            deployment, model = self._deployments.require_model()
            row = await self._read_movie(requested_id, model, deployment)
            changed, out_of_range = apply_overrides(row.features, model, overrides)
            rating_as_it_is = round(model.onnx.predict(row.features), RATING_DECIMALS)
            output = model.onnx.predict(changed)
            answer = self._answer(row._replace(features=changed), deployment, output, "whatif", dict(overrides))
        except PredictionError as error:
            self._metrics.note_outcome(error.reason)
            raise
        return WhatIf(answer, rating_as_it_is, out_of_range)

    async def _read_movie(self, requested_id: RequestedId, model: ServedModel, deployment: Deployment) -> MovieRow:
        try:
            return await self._store.read_movie(requested_id, model.query, deployment.record.features)
        except UnknownMovie as error:
            if deployment.predictions is None:
                await self._deployments.check_present()
            raise find_cause(error, requested_id, deployment) from None

    def _answer(
        self,
        row: MovieRow,
        deployment: Deployment,
        output: float,
        endpoint: str,
        overrides: dict[str, float | None] | None = None,
    ) -> Answer:
        now = time.time()
        age = deployment.record.features.age_seconds(deployment.record.now(now))
        stale = age > self._max_age
        source = STALE if stale else FRESH
        rating, prediction_id = round(output, RATING_DECIMALS), self._ids.next()
        self._metrics.note_outcome(source)
        self._receipts.add(
            Receipt(
                prediction_id=prediction_id,
                predicted_at=now,
                endpoint=endpoint,
                source=source,
                movie_id=row.movie_id,
                rating=rating,
                model_output=output,
                provenance=deployment.provenance,
                features_as_of=row.as_of,
                features=row.features,
                overrides=overrides,
            )
        )
        return Answer(
            prediction_id=prediction_id,
            movie_id=row.movie_id,
            title=row.title,
            rating=rating,
            provenance=deployment.provenance,
            source=source,
            stale=stale,
            age_seconds=age,
            as_of=row.as_of,
        )

    def _answer_row(
        self,
        row: MovieRow,
        deployment: Deployment,
        output: float,
        requested_id: RequestedId,
        endpoint: str,
    ) -> Answer | PredictionError:
        try:
            return self._answer(row, deployment, check_rating(output), endpoint)
        except PredictionError as error:
            return self._fall_back_or_return(requested_id, deployment, error, endpoint)

    def _fall_back_or_return(
        self, requested_id: RequestedId, deployment: Deployment | None, error: PredictionError, endpoint: str
    ) -> Answer | PredictionError:
        try:
            return self._fall_back(requested_id, deployment, error, endpoint)
        except PredictionError as final:
            return final

    def _fall_back(
        self, requested_id: RequestedId, deployment: Deployment | None, error: PredictionError, endpoint: str
    ) -> Answer:
        """Return the published prediction of the movie. Raise the error if there is none, or if the movie is unknown."""
        movie = None
        if self._may_fall_back and deployment is not None and not isinstance(error, UnknownMovie):
            try:
                movie = find_published(requested_id, deployment)
            except NoPredictionSet as unreadable:
                log.error("%s", unreadable)  # the answer reports the first error
        if deployment is None or movie is None:
            self._metrics.note_outcome(error.reason)
            raise error
        now, prediction_id = time.time(), self._ids.next()
        age = deployment.record.predictions.age_seconds(deployment.record.now(now))
        self._metrics.note_outcome(PREDICTION_SET)
        self._metrics.note_fallback(error.reason)
        self._receipts.add(
            Receipt(
                prediction_id=prediction_id,
                predicted_at=now,
                endpoint=endpoint,
                source=PREDICTION_SET,
                movie_id=movie.movie_id,
                rating=movie.rating,
                model_output=movie.model_output,
                provenance=deployment.provenance,
                features_as_of=movie.features_as_of,
                features=None,
                overrides=None,
            )
        )
        return Answer(
            prediction_id=prediction_id,
            movie_id=movie.movie_id,
            title=movie.title,
            rating=movie.rating,
            provenance=deployment.provenance,
            source=PREDICTION_SET,
            stale=age > self._max_age,
            age_seconds=age,
            as_of=movie.features_as_of,
        )


def find_published(requested_id: RequestedId, deployment: Deployment) -> PublishedMovie | None:
    """Return the deployment's published prediction of the movie, if there is one. Raise NoPredictionSet."""
    return deployment.predictions.find(requested_id) if deployment.predictions is not None else None


def find_cause(error: PredictionError, requested_id: RequestedId, deployment: Deployment) -> PredictionError:
    """Return LostFeatures for an UnknownMovie with a published prediction; return any other error unchanged."""
    if not isinstance(error, UnknownMovie):
        return error
    try:
        published = find_published(requested_id, deployment)
    except NoPredictionSet as unreadable:
        log.error("%s", unreadable)
        return error
    if published is None:
        return error
    return LostFeatures(f"the features of movie {requested_id} are missing from feature set {deployment.record.features.name}")
