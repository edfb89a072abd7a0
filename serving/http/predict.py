"""GET /predict as a plain ASGI endpoint, because FastAPI's routing costs more than the prediction."""

from typing import Any

from starlette.types import Receive, Scope, Send

from serving.core.answer import SOURCES, render
from serving.core.errors import PredictionError
from serving.core.requested_id import MalformedQuery, parse_query
from serving.http.replies import JSON, Headers, encode_json, retry_after
from serving.prediction.service import PredictionService
from serving.telemetry.metrics import MALFORMED, Metrics

SOURCE_HEADERS = {source: (b"x-feature-source", source.encode()) for source in SOURCES}
"""Header X-Feature-Source for each source of an answer."""


class PredictEndpoint:
    """The endpoint of GET /predict. Admission control calls it directly; FastAPI's documented route calls `answer`."""

    def __init__(self, service: PredictionService, metrics: Metrics) -> None:
        self._service, self._metrics = service, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = await self.answer(scope)
        headers += [JSON, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, scope: Scope) -> tuple[int, Headers, bytes]:
        """Return status, headers and JSON body, and set scope['outcome']. Only a programming error raises."""
        fields: dict[str, Any]
        headers: Headers
        try:
            found = await self._service.predict(parse_query(scope["query_string"]), "predict")
            outcome, status, fields, headers = found.source, 200, render(found), [SOURCE_HEADERS[found.source]]
            scope["prediction_id"] = found.prediction_id
        except MalformedQuery as malformed:
            self._metrics.note_outcome(MALFORMED)
            outcome, status, fields, headers = MALFORMED, 422, {"detail": malformed.problems}, []
        except PredictionError as error:
            fields = {"detail": str(error), "reason": error.reason}
            outcome, status, headers = error.reason, error.status, retry_after(error)
        scope["outcome"] = outcome
        return status, headers, encode_json(fields, scope["request_id"])
