"""GET /predict on the short path: one row, one model, one answer; plain ASGI, since FastAPI's routing costs more than that."""

from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from serving.errors import NoModel, Refusal
from serving.features.feature_store import FeatureStore
from serving.metrics import MALFORMED, PREDICTED, Metrics
from serving.models.release import ReleaseWatch
from serving.movie_id import MalformedQuery, MovieId, parse_query

RATING_DECIMALS = 4

Headers = list[tuple[bytes, bytes]]


class PredictEndpoint:
    """The answer of /predict; `schemas.Prediction` documents it and a test holds the two together."""

    def __init__(self, store: FeatureStore, watch: ReleaseWatch, metrics: Metrics) -> None:
        self._store, self._watch, self._metrics = store, watch, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outcome, status, answer, headers = await self.answer(scope["query_string"])
        scope["outcome"] = outcome
        self._metrics.note_outcome(outcome)
        body = orjson.dumps(answer | {"request_id": scope["request_id"]}, option=orjson.OPT_UTC_Z)
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, query: bytes) -> tuple[str, int, dict[str, Any], Headers]:
        """Outcome, status, body and headers; every refusal is an answer, so only a fault of ours raises."""
        try:
            return PREDICTED, 200, await self.predict(parse_query(query)), []
        except MalformedQuery as malformed:
            return MALFORMED, 422, {"detail": malformed.problems}, []
        except Refusal as refusal:
            after = refusal.retry_after_seconds
            headers = [] if after is None else [(b"retry-after", str(after).encode())]
            return refusal.reason, refusal.status, {"detail": str(refusal), "reason": refusal.reason}, headers

    async def predict(self, movie_id: MovieId) -> dict[str, Any]:
        """Predict one film with the release and feature set of this moment; raises Refusal."""
        release = self._watch.current
        if release is None:
            raise NoModel(self._watch.explain_absence())
        row = await self._store.read_movie(movie_id, release.query)
        rating = release.predictor.predict(row.features)
        return {
            "movie_id": row.movie_id,
            "title": row.title,
            "rating": round(rating, RATING_DECIMALS),
            "model": {"name": release.manifest.name, "version": release.manifest.version},
            "features_as_of": row.as_of,
        }
