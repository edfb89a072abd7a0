"""Makes the answer from a rating; counts it and queues its receipt."""

import time

from serving.core.answer import FRESH, PREDICTION_SET, STALE, Answer
from serving.core.rating import RATING_DECIMALS
from serving.deployments.deployment import Deployment
from serving.features.movie_row import MovieRow
from serving.prediction_set.database import PublishedMovie
from serving.receipts.queue import ReceiptQueue
from serving.receipts.receipt import PredictionIds, Receipt
from serving.settings import Settings
from serving.telemetry.metrics import Metrics


class AnswerRecorder:
    """The maker of all answers with a rating. Each call makes one answer, one count and one receipt."""

    def __init__(self, settings: Settings, receipts: ReceiptQueue, metrics: Metrics) -> None:
        self._receipts, self._metrics, self._ids = receipts, metrics, PredictionIds()
        self._max_age = settings.features_max_age_seconds

    def answer_from_row(
        self,
        row: MovieRow,
        deployment: Deployment,
        output: float,
        endpoint: str,
        overrides: dict[str, float | None] | None = None,
    ) -> Answer:
        """Return the answer for a feature row and the model's output for it. overrides: of a what-if, for the receipt."""
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

    def answer_from_set(self, movie: PublishedMovie, deployment: Deployment, endpoint: str) -> Answer:
        """Return the answer with the deployment's published prediction."""
        now, prediction_id = time.time(), self._ids.next()
        age = deployment.record.predictions.age_seconds(deployment.record.now(now))
        self._metrics.note_outcome(PREDICTION_SET)
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
