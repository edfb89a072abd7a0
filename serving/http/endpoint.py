"""An endpoint around a function that answers: refusals and malformed questions become answers too."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.core.errors import PredictionError
from serving.core.requests import MalformedRequest
from serving.http.predict import JSON, Headers, retry_after


class Reply(NamedTuple):
    """A good answer; the request's id is added to the body."""

    outcome: str
    """For the log."""
    body: dict[str, Any]
    headers: Headers


class Endpoint:
    """A plain ASGI application. `place` begins the `loc` of what is malformed: body or query."""

    def __init__(self, answer: Callable[[Request], Awaitable[Reply]], place: str, note_malformed: Callable[[], None]) -> None:
        self._answer, self._place, self._note_malformed = answer, place, note_malformed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers
        try:
            status, (outcome, body, headers) = 200, await self._answer(Request(scope, receive))
        except MalformedRequest as malformed:
            self._note_malformed()
            problems = [problem | {"loc": [self._place, *problem["loc"]]} for problem in malformed.problems]
            status, outcome, body, headers = 422, "malformed", {"detail": problems}, []
        except PredictionError as refusal:
            status, outcome, headers = refusal.status, refusal.reason, retry_after(refusal)
            body = {"detail": str(refusal), "reason": refusal.reason}
        except ClientDisconnect:
            scope["outcome"] = "gone"
            return
        scope["outcome"] = outcome
        encoded = orjson.dumps(body | {"request_id": scope["request_id"]}, option=orjson.OPT_UTC_Z)
        headers = [*headers, JSON, (b"content-length", b"%d" % len(encoded))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": encoded})


class ByMethod:
    """Endpoints of one path, so that a method that none of them has is told all that there are."""

    def __init__(self, **endpoints: ASGIApp) -> None:
        self._endpoints = endpoints
        self.methods = list(endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await self._endpoints[method](scope, receive, send)
