"""Answers of the API's own prediction service on the features that are published, and their receipts in Postgres."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC
from types import SimpleNamespace
from typing import Any, cast

from serving.core.answer import Answer
from serving.core.requested_id import RequestedId
from serving.deployments.deployment import Deployment, ServedModel, make_provenance
from serving.deployments.pointer import DeploymentRecord
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_set import parse_feature_set
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import build_query
from serving.models.onnx_model import load_onnx_model
from serving.models.reference import ModelReference
from serving.prediction.service import PredictionService
from serving.prediction_set.database import PublishedMovie
from serving.prediction_set.reference import PredictionSetReference
from serving.receipts.receipt import Receipt
from serving.receipts.table import ReceiptTable
from serving.settings import Settings as ServingSettings
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.metrics import Metrics
from tasks.core.deployment.history import find_live
from tasks.io import prediction_sets
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.settings import Settings

Change = Callable[[Receipt], Receipt]


class Answers:
    """Asks a prediction service that serves one model, and keeps the receipts as the API's queue would."""

    def __init__(self, settings: Settings, redis_url: str, version: str, exported: bytes) -> None:
        self._settings = settings
        values = {"redis_url": redis_url, "mlflow_tracking_uri": settings.mlflow_tracking_uri, "redis_timeout_seconds": 5}
        self._serving = ServingSettings(**cast(dict[str, Any], values))
        self.reference = ModelReference("movie-rating", version, hashlib.sha256(exported).hexdigest(), "r" * 64)
        onnx, record = load_onnx_model(exported), cast(Any, SimpleNamespace(ranges={}))
        self._model: ServedModel | None = ServedModel(self.reference, record, onnx, build_query(onnx.features))

    def predict(self, movie_ids: Sequence[str], endpoint: str = "predict", change: Change = lambda receipt: receipt) -> list[str]:
        """Predict movies; return the ids of the predictions."""

        async def ask(service: PredictionService) -> list[Answer]:
            return [await service.predict(RequestedId(movie_id=movie_id), endpoint) for movie_id in movie_ids]

        return self._ask(ask, change)

    def predict_many(self, movie_ids: Sequence[str]) -> list[str]:
        async def ask(service: PredictionService) -> list[Answer]:
            requested_ids = [RequestedId(movie_id=movie_id) for movie_id in movie_ids]
            return cast(list[Answer], await service.predict_batch(requested_ids, "batch"))

        return self._ask(ask)

    def what_if(self, movie_id: str, overrides: dict[str, float | None]) -> list[str]:
        async def ask(service: PredictionService) -> list[Answer]:
            return [(await service.predict_what_if(RequestedId(movie_id=movie_id), overrides)).answer]

        return self._ask(ask)

    def fall_back(self, movie_ids: Sequence[str]) -> list[str]:
        """Predict movies while no model is there, from the predictions that predict_all published last."""
        model, self._model = self._model, None
        try:
            return self.predict(movie_ids)
        finally:
            self._model = model

    def _ask(self, ask: Callable[[PredictionService], Any], change: Change = lambda receipt: receipt) -> list[str]:
        kept: list[Receipt] = []

        async def work() -> list[Answer]:
            store = FeatureStore(self._serving)
            deployments = DeploymentWatcher(self._serving, store)
            deployments.live = self._read_deployment()
            queue: Any = SimpleNamespace(add=kept.append)
            metrics = Metrics(deployments, LogWriter(io.BytesIO()))
            service = PredictionService(self._serving, store=store, deployments=deployments, receipts=queue, metrics=metrics)
            try:
                return cast(list[Answer], await ask(service))
            finally:
                await store.close()

        answers = asyncio.run(work())
        url = self._settings.receipts_database_url
        assert url is not None
        table = ReceiptTable(url.get_secret_value())
        table.write([change(receipt) for receipt in kept], again=False)
        table.close()
        return [answer.prediction_id for answer in answers]

    def _read_deployment(self) -> Deployment:
        """The model on the published features, with the published predictions of the table that is alike."""
        with connect(self._settings) as conn:
            features = feature_sets.read_ready(conn)[-1]
            deployed = find_live(read_deployments(conn))
            live = prediction_sets.read_set(conn, deployed.prediction_set) if deployed else None
            rows = conn.execute("select movie_id, rating, model_output, features_as_of from prediction").fetchall()
        record = DeploymentRecord(
            id=1,
            model=self.reference,
            features=parse_feature_set(asdict(features)),
            predictions=PredictionSetReference("none", "none", "d" * 64, 1, len(rows), parse_feature_set(asdict(features)).day),
        )
        if live is not None and self._model is None:
            model = replace(self.reference, version=live.model_version, sha256=live.model_sha256)
            record = replace(record, model=model)
        movies = {row[0]: PublishedMovie(row[0], None, "title", 2000, row[1], row[2], row[3].astimezone(UTC)) for row in rows}
        published: Any = SimpleNamespace(find=lambda requested_id: movies.get(requested_id.movie_id))
        return Deployment(record, make_provenance(record), self._model, published if live else None, {}, ())
