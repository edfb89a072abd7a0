"""Admission control: rejects requests while overloaded, without a valid key, and over the rate limit."""

from collections.abc import Mapping

import orjson
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.policy import AccessPolicy
from serving.access.rejections import ENCODED_BODY, OVERLOADED, REASONS, Rejection

PROBES = frozenset({"/livez", "/readyz", "/health"})
"""Paths that are never rejected: the orchestrator needs the probes most while the API is overloaded."""
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD"})


class AdmissionControl:
    """ASGI middleware in front of the routes; sets scope['outcome'] when it rejects a request.

    `short` maps (method, path) to an endpoint that is called without FastAPI's routing, which costs more than the endpoint.
    """

    def __init__(
        self,
        app: ASGIApp,
        short: Mapping[tuple[str, str], ASGIApp],
        registry: CollectorRegistry,
        max_in_flight: int,
        access_policy: AccessPolicy | None,
    ) -> None:
        self._app, self._short, self._max_in_flight, self._access_policy = app, short, max_in_flight, access_policy
        self._in_flight = 0
        rejections = Counter("marquee_requests_rejected", "Requests rejected before a route.", ["reason"], registry=registry)
        self._rejections = {reason: rejections.labels(reason) for reason in REASONS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        rejection: Rejection | None = scope.get("rejection")  # set by the HTTP protocol for a malformed request
        if rejection is None and path not in PROBES:
            if self._in_flight >= self._max_in_flight:
                rejection = OVERLOADED
            elif scope["method"] not in METHODS_WITHOUT_BODY and is_encoded(scope):
                rejection = ENCODED_BODY
            elif self._access_policy is not None:
                rejection = self._access_policy.check(scope)
        if rejection is not None:
            await self._reject(rejection, scope, send)
            return
        self._in_flight += 1
        try:
            await self._short.get((scope["method"], path), self._app)(scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _reject(self, rejection: Rejection, scope: Scope, send: Send) -> None:
        self._rejections[rejection.reason].inc()
        scope["outcome"] = rejection.reason
        body = orjson.dumps({"detail": rejection.detail, "reason": rejection.reason, "request_id": scope["request_id"]})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *rejection.headers]
        await send({"type": "http.response.start", "status": rejection.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def is_encoded(scope: Scope) -> bool:
    """Return true for a compressed body, which could expand far beyond the size limit."""
    return any(
        (name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"))
        or (name == b"transfer-encoding" and value.strip().lower() != b"chunked")
        for name, value in scope["headers"]
    )
