"""Who may pass to the application: nobody while it is overloaded, then whoever has a key and is within the rate limit."""

from collections.abc import Mapping

import orjson
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.policy import AccessPolicy
from serving.access.rejections import ENCODED_BODY, OVERLOADED, REASONS, Rejection

PROBES = frozenset({"/livez", "/readyz"})
"""Asked by those who decide whether to restart us or to send us work: they must learn it above all when we are overloaded."""
WITHOUT_BODY = frozenset({"GET", "HEAD"})


class AdmissionControl:
    """ASGI application in front of the application; sets scope['outcome'] when it refuses.

    `short` maps (method, path) to the endpoint that is called at once: the routing that would find it costs more than it does.
    """

    def __init__(
        self,
        app: ASGIApp,
        short: Mapping[tuple[str, str], ASGIApp],
        registry: CollectorRegistry,
        most_at_work: int,
        guard: AccessPolicy | None,
    ) -> None:
        self._app, self._short, self._most_at_work, self._guard = app, short, most_at_work, guard
        self._at_work = 0
        refusals = Counter("marquee_requests_refused", "Requests refused at the door.", ["reason"], registry=registry)
        self._refusals = {reason: refusals.labels(reason) for reason in REASONS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        refused: Rejection | None = scope.get("refused")  # by the protocol, which saw what is wrong with it
        if refused is None and path not in PROBES:
            if self._at_work >= self._most_at_work:
                refused = OVERLOADED
            elif scope["method"] not in WITHOUT_BODY and is_encoded(scope):
                refused = ENCODED_BODY
            elif self._guard is not None:
                refused = self._guard.judge(scope)
        if refused is not None:
            await self._refuse(refused, scope, send)
            return
        self._at_work += 1
        try:
            await self._short.get((scope["method"], path), self._app)(scope, receive, send)
        finally:
            self._at_work -= 1

    async def _refuse(self, refused: Rejection, scope: Scope, send: Send) -> None:
        self._refusals[refused.reason].inc()
        scope["outcome"] = refused.reason
        body = orjson.dumps({"detail": refused.detail, "reason": refused.reason, "request_id": scope["request_id"]})
        own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": refused.status, "headers": [*own, *refused.headers]})
        await send({"type": "http.response.body", "body": body})


def is_encoded(scope: Scope) -> bool:
    """Whether the body is compressed: a small one may be a very large one in disguise."""
    return any(
        (name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"))
        or (name == b"transfer-encoding" and value.strip().lower() != b"chunked")
        for name, value in scope["headers"]
    )
