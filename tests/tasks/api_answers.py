"""Answers of the API's own rater on the features that are published, and their receipts in Postgres."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from serving.core.answer import Answer
from serving.core.requested_id import RequestedId
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import build_query
from serving.models.onnx_model import load_onnx_model
from serving.prediction.service import PredictionService
from serving.prediction_set.database import PublishedMovie
from serving.receipts.receipt import Receipt
from serving.receipts.table import ReceiptTable
from serving.settings import Settings as ServingSettings
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.metrics import Metrics
from tasks.core.deployment.history import find_live
from tasks.io import prediction_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.settings import Settings

Change = Callable[[Receipt], Receipt]


class Answers:
    """Asks a rater that serves one model, and keeps the receipts as the API's queue would."""

    def __init__(self, settings: Settings, redis_url: str, version: str, exported: bytes) -> None:
        self._settings = settings
        values = {"redis_url": redis_url, "mlflow_tracking_uri": settings.mlflow_tracking_uri, "redis_timeout_seconds": 5}
        self._serving = ServingSettings(**cast(dict[str, Any], values))
        predictor = load_onnx_model(exported)
        manifest = SimpleNamespace(
            name="movie-rating", version=version, sha256=hashlib.sha256(exported).hexdigest(), release_sha256="r" * 64
        )
        record = SimpleNamespace(ranges={})
        self._release = SimpleNamespace(
            manifest=manifest, record=record, predictor=predictor, query=build_query(predictor.features)
        )

    def predict(self, movie_ids: Sequence[str], way: str = "predict", change: Change = lambda receipt: receipt) -> list[str]:
        """Rate films; returns the ids of the predictions."""

        async def ask(rater: PredictionService) -> list[Answer]:
            return [await rater.predict(RequestedId(movie_id=movie_id), way) for movie_id in movie_ids]

        return self._ask(ask, change)

    def predict_many(self, movie_ids: Sequence[str]) -> list[str]:
        async def ask(rater: PredictionService) -> list[Answer]:
            requested_ids = [RequestedId(movie_id=movie_id) for movie_id in movie_ids]
            return cast(list[Answer], await rater.predict_batch(requested_ids, "batch"))

        return self._ask(ask)

    def what_if(self, movie_id: str, overrides: dict[str, float | None]) -> list[str]:
        async def ask(rater: PredictionService) -> list[Answer]:
            return [(await rater.predict_what_if(RequestedId(movie_id=movie_id), overrides)).answer]

        return self._ask(ask)

    def fall_back(self, movie_ids: Sequence[str]) -> list[str]:
        """Rate films while no model is there, from the ratings that predict_all published last."""
        release, self._release = self._release, cast(SimpleNamespace, None)
        try:
            return self.predict(movie_ids)
        finally:
            self._release = release

    def _ask(self, ask: Callable[[PredictionService], Any], change: Change = lambda receipt: receipt) -> list[str]:
        kept: list[Receipt] = []

        async def work() -> list[Answer]:
            store = FeatureStore(self._serving)
            watch: Any = SimpleNamespace(current=self._release, explain_absence=lambda: "none", refusals=0, refused=None)
            catalogues: Any = SimpleNamespace(current=self._read_catalogue())
            queue: Any = SimpleNamespace(add=kept.append)
            metrics = Metrics(store, watch, LogWriter(io.BytesIO()))
            try:
                await store.read_pointer()
                return cast(
                    list[Answer],
                    await ask(
                        PredictionService(
                            self._serving, store=store, watch=watch, catalogues=catalogues, receipts=queue, metrics=metrics
                        )
                    ),
                )
            finally:
                await store.close()

        answers = asyncio.run(work())
        url = self._settings.receipts_database_url
        assert url is not None
        table = ReceiptTable(url.get_secret_value())
        table.write([change(receipt) for receipt in kept], again=False)
        table.close()
        return [answer.prediction_id for answer in answers]

    def _read_catalogue(self) -> Any:
        """The published ratings, from the table that is alike."""
        with connect(self._settings) as conn:
            deployed = find_live(read_deployments(conn))
            live = prediction_sets.read_set(conn, deployed.prediction_set) if deployed else None
            rows = conn.execute("select movie_id, rating, model_output, features_as_of from prediction").fetchall()
            snapshots = dict(conn.execute("select feature_set, snapshot_id::text from feature_set").fetchall())
        if live is None:
            return None
        films = {row[0]: PublishedMovie(row[0], None, "title", 2000, row[1], row[2], row[3].astimezone(UTC)) for row in rows}
        about = SimpleNamespace(
            model_name="movie-rating",
            model_version=live.model_version,
            model_sha256=live.model_sha256,
            feature_set=live.feature_set,
            snapshot_id=snapshots[live.feature_set],
            age_seconds=lambda now: int(now - datetime.now(UTC).timestamp()) + 60,
        )
        return SimpleNamespace(about=about, find=lambda requested_id: films.get(requested_id.movie_id))
