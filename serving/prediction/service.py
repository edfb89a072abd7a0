"""From a film's id to its rating: fresh features, else stale ones, else the last published rating, else a refusal that says why.

Every door asks here, so that all give the same answers; each answer is counted, and leaves a receipt.
"""

import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np

from serving.core.answer import FRESH, SNAPSHOT, STALE, Answer
from serving.core.cooperative import yielding_to_loop
from serving.core.errors import NoModel, NoPredictionSet, PredictionError, UnknownMovie
from serving.core.rating import RATING_DECIMALS, check_rating
from serving.core.requested_id import RequestedId
from serving.features.feature_store import FeatureStore
from serving.features.movie_row import MovieRow
from serving.models.release_watcher import Release, ReleaseWatcher
from serving.prediction.what_if import WhatIf, apply_overrides
from serving.prediction_set.watcher import PredictionSetWatcher
from serving.receipts.queue import ReceiptQueue
from serving.receipts.receipt import PredictionIds, Receipt
from serving.settings import Settings
from serving.telemetry.metrics import Metrics

log = logging.getLogger("serving.prediction.service")

Overrides = Mapping[str, float | None]


class PredictionService:
    """Rates with the release and the feature set of the moment in which a request begins."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: FeatureStore,
        watch: ReleaseWatcher,
        catalogues: PredictionSetWatcher,
        receipts: ReceiptQueue,
        metrics: Metrics,
    ) -> None:
        self._store, self._watch, self._catalogues = store, watch, catalogues
        self._receipts, self._metrics, self._ids = receipts, metrics, PredictionIds()
        self._max_age, self._may_fall_back = settings.features_max_age_seconds, settings.snapshot_fallback

    async def predict(self, movie_id: RequestedId, endpoint: str) -> Answer:
        """Predict one film; raises a PredictionError. endpoint: for the receipt."""
        try:
            release = self.find_release()
            row = await self._store.read_movie(movie_id, release.query)
            return self._answer(row, release, release.predictor.predict(row.features), endpoint)
        except PredictionError as refusal:
            return self._fall_back(movie_id, refusal, endpoint)

    async def predict_batch(self, movie_ids: Sequence[RequestedId], endpoint: str) -> list[Answer | PredictionError]:
        """Predict many films in one round trip to Redis and one call of the model; an entry each, in their order."""
        try:
            release = self.find_release()
            rows = await self._store.read_movies(movie_ids, release.query)
        except PredictionError as refusal:
            return [self._fall_back_or_refuse(movie_id, refusal, endpoint) async for movie_id in yielding_to_loop(movie_ids)]
        features = [row.features for row in rows if isinstance(row, MovieRow)]
        outputs = iter(release.predictor.run(np.stack(features)).tolist() if features else [])
        return [
            self._answer_or_refuse(movie_id, row, release, next(outputs) if isinstance(row, MovieRow) else 0.0, endpoint)
            async for movie_id, row in yielding_to_loop(zip(movie_ids, rows, strict=True))
        ]

    async def predict_what_if(self, movie_id: RequestedId, overrides: Overrides) -> WhatIf:
        """Predict one film as it is and as it would be with these features; raises a PredictionError, or UnknownFeature.

        A snapshot holds no features, so there is no falling back on it.
        """
        try:
            release = self.find_release()
            row = await self._store.read_movie(movie_id, release.query)
            changed, beyond = apply_overrides(row.features, release, overrides)
            as_it_is = round(release.predictor.predict(row.features), RATING_DECIMALS)
            with_them = row._replace(features=changed)
            answer = self._answer(with_them, release, release.predictor.predict(changed), "whatif", dict(overrides))
        except PredictionError as refusal:
            self._metrics.note_outcome(refusal.reason)
            raise
        return WhatIf(answer, as_it_is, beyond)

    def find_release(self) -> Release:
        """The release that is served now; raises NoModel."""
        release = self._watch.current
        if release is None:
            raise NoModel(self._watch.explain_absence())
        return release

    def _answer(
        self, row: MovieRow, release: Release, output: float, endpoint: str, overrides: dict[str, float | None] | None = None
    ) -> Answer:
        now = time.time()
        age = row.feature_set.age_seconds(now)
        stale = age > self._max_age
        source = STALE if stale else FRESH
        rating, manifest, prediction_id = round(output, RATING_DECIMALS), release.manifest, self._ids.next()
        self._metrics.note_outcome(source)
        self._receipts.add(
            Receipt(
                prediction_id,
                now,
                endpoint,
                source,
                row.movie_id,
                rating,
                output,
                manifest.version,
                manifest.sha256,
                manifest.release_sha256,
                row.feature_set.name,
                row.feature_set.snapshot_id,
                row.as_of,
                row.features,
                overrides,
            )
        )
        return Answer(
            prediction_id, row.movie_id, row.title, rating, manifest.name, manifest.version, source, stale, age, row.as_of
        )

    def _answer_or_refuse(
        self, movie_id: RequestedId, row: MovieRow | PredictionError, release: Release, output: float, endpoint: str
    ) -> Answer | PredictionError:
        if isinstance(row, PredictionError):
            return self._fall_back_or_refuse(movie_id, row, endpoint)
        try:
            return self._answer(row, release, check_rating(output), endpoint)
        except PredictionError as refusal:
            return self._fall_back_or_refuse(movie_id, refusal, endpoint)

    def _fall_back_or_refuse(self, movie_id: RequestedId, refusal: PredictionError, endpoint: str) -> Answer | PredictionError:
        try:
            return self._fall_back(movie_id, refusal, endpoint)
        except PredictionError as final:
            return final

    def _fall_back(self, movie_id: RequestedId, refusal: PredictionError, endpoint: str) -> Answer:
        """The last published rating of the film, if there is one; raises the refusal. A film that is unknown stays unknown."""
        catalogue = self._catalogues.current if self._may_fall_back and not isinstance(refusal, UnknownMovie) else None
        film = None
        if catalogue is not None:
            try:
                film = catalogue.find(movie_id)
            except NoPredictionSet as unreadable:
                log.error("%s", unreadable)  # and the answer says what was missing in the first place
        if catalogue is None or film is None:
            self._metrics.note_outcome(refusal.reason)
            raise refusal
        now, about, prediction_id = time.time(), catalogue.about, self._ids.next()
        age = about.age_seconds(now)
        self._metrics.note_outcome(SNAPSHOT)
        self._metrics.note_fallback(refusal.reason)
        self._receipts.add(
            Receipt(
                prediction_id=prediction_id,
                answered_at=now,
                way=endpoint,
                source=SNAPSHOT,
                movie_id=film.movie_id,
                rating=film.rating,
                model_output=film.model_output,
                model_version=about.model_version,
                model_sha256=about.model_sha256,
                release_sha256=None,
                feature_set=about.feature_set,
                snapshot_id=about.snapshot_id,
                features_as_of=film.features_as_of,
                features=None,
                overrides=None,
            )
        )
        return Answer(
            prediction_id=prediction_id,
            movie_id=film.movie_id,
            title=film.title,
            rating=film.rating,
            model_name=about.model_name,
            model_version=about.model_version,
            source=SNAPSHOT,
            stale=age > self._max_age,
            age_seconds=age,
            as_of=film.features_as_of,
        )
