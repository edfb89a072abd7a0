"""Predicts a movie's rating from fresh features, else from stale ones; else returns the published prediction or an error.

HTTP and gRPC both call this service, so their answers are the same. The recorder counts each answer and keeps its receipt.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from serving.core.answer import Answer
from serving.core.cooperative import yielding_to_loop
from serving.core.errors import NoPredictionSet, PredictionError, UnknownMovie
from serving.core.rating import RATING_DECIMALS, check_rating
from serving.core.requested_id import RequestedId
from serving.deployments.deployment import Deployment, ServedModel
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import MovieRow
from serving.prediction.published import find_cause, find_published
from serving.prediction.recorder import AnswerRecorder
from serving.prediction.what_if import WhatIf, apply_overrides
from serving.receipts.queue import ReceiptQueue
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
        self._store, self._deployments, self._metrics = store, deployments, metrics
        self._recorder = AnswerRecorder(settings, receipts, metrics)
        self._answer = self._recorder.answer_from_row
        self._may_fall_back = settings.prediction_set_fallback

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
        self._metrics.note_fallback(error.reason)
        return self._recorder.answer_from_set(movie, deployment, endpoint)
