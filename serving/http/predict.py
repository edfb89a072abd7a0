"""GET /predict on the short path: one row, one model, one answer; plain ASGI, since FastAPI's routing costs more than that."""

from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from serving.core.answer import SOURCES, render
from serving.core.errors import PredictionError
from serving.core.requested_id import MalformedQuery, parse_query
from serving.prediction.service import PredictionService
from serving.telemetry.metrics import MALFORMED, Metrics

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
SOURCE_HEADERS = {source: (b"x-feature-source", source.encode()) for source in SOURCES}


class PredictEndpoint:
    """The answer of /predict; `schemas.Prediction` documents it and a test holds the two together."""

    def __init__(self, rater: PredictionService, metrics: Metrics) -> None:
        self._rater, self._metrics = rater, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Every refusal is an answer, so only a fault of ours raises."""
        answer: dict[str, Any]
        try:
            found = await self._rater.predict(parse_query(scope["query_string"]), "predict")
            outcome, status, answer, headers = found.source, 200, render(found), [SOURCE_HEADERS[found.source]]
        except MalformedQuery as malformed:
            self._metrics.note_outcome(MALFORMED)
            outcome, status, answer, headers = MALFORMED, 422, {"detail": malformed.problems}, []
        except PredictionError as refusal:
            answer = {"detail": str(refusal), "reason": refusal.reason}
            outcome, status, headers = refusal.reason, refusal.status, retry_after(refusal)
        scope["outcome"] = outcome
        answer["request_id"] = scope["request_id"]
        body = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
        headers += [JSON, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def retry_after(refusal: PredictionError) -> Headers:
    """When to ask again, where that can help."""
    after = refusal.retry_after_seconds
    return [] if after is None else [(b"retry-after", b"%d" % after)]
