"""Middleware around every request: a request id, security headers, one log line, one measurement."""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Mapping

import orjson
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.policy import AccessPolicy
from serving.http.admission import PROBES, AdmissionControl
from serving.settings import Settings
from serving.telemetry.access_log import AccessLog
from serving.telemetry.metrics import Metrics

log = logging.getLogger("serving")

QUIET_ROUTES = PROBES
"""Orchestrators ask these every few seconds; a log line for each would bury the others."""
DOCS_ROUTES = frozenset({"/docs", "/redoc"})
"""These set a content security policy of their own, which allows their scripts."""
ROUTES = frozenset({"/", "/predict", "/whatif", "/movies", "/openapi.json"}) | QUIET_ROUTES | DOCS_ROUTES
"""Labels of the metrics. Any other path is measured as `other`, so that a scanner cannot create series without end."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{1,64}\Z")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
CORS_METHODS = ("GET", "POST")
CORS_HEADERS = ("authorization", "content-type", "x-api-key", "x-request-id")
CORS_EXPOSED = ("retry-after", "x-feature-source", "x-request-id")


def add_request_middleware(
    app: FastAPI,
    settings: Settings,
    metrics: Metrics,
    *,
    access_log: AccessLog,
    access_policy: AccessPolicy | None,
    short: Mapping[tuple[str, str], ASGIApp],
) -> None:
    """Put the request middleware around an application, then CORS where it is set, then the admission control.

    In this order a browser's preflight, which shows no key, is answered, and a page can read why its request was rejected.
    """
    app.add_middleware(
        AdmissionControl,
        short=short,
        registry=metrics.registry,
        max_in_flight=settings.max_in_flight,
        access_policy=access_policy,
    )
    if origins := [origin.strip() for origin in settings.cors_allowed_origins.split(",") if origin.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )
    app.add_middleware(RequestMiddleware, metrics=metrics, access_log=access_log)  # added last, so it is the outermost


class RequestMiddleware:
    """The outermost ASGI middleware; sets scope['request_id']."""

    def __init__(self, app: ASGIApp, metrics: Metrics, access_log: AccessLog) -> None:
        self.app, self._metrics, self._access_log = app, metrics, access_log
        self._new_id = RequestIds().next

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        path: str = scope["path"]
        route = path if path in ROUTES else "other"
        request_id = read_request_id(scope) or self._new_id()
        scope["request_id"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], *_HEADERS, (b"x-request-id", request_id.encode())]
                message["headers"] = headers if route in DOCS_ROUTES else [*headers, _POLICY]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            log.exception("request %s failed", request_id, extra={"fields": {"request_id": request_id}})
            if status:
                raise  # a part of the answer is sent; the server must cut the connection
            await send_failure(send_with_headers, request_id)
        seconds = time.perf_counter() - started
        self._metrics.note_answer(route, status, seconds)
        if route not in QUIET_ROUTES:
            self._access_log.add(scope, status, seconds)


class RequestIds:
    """Ids of 32 hex digits, unique across processes and restarts, made from a counter: a random one costs a system call."""

    def __init__(self) -> None:
        self._prefix, self._count = secrets.token_hex(12), itertools.count()

    def next(self) -> str:
        """Return a new id."""
        return f"{self._prefix}{next(self._count) & 0xFFFF_FFFF:08x}"


def read_request_id(scope: Scope) -> str | None:
    """Return the caller's X-Request-ID if it is harmless in a log, else None."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if _REQUEST_ID.match(value) else None
    return None


async def send_failure(send: Send, request_id: str) -> None:
    """Answer 500 after a fault of ours: without the traceback, with the id that finds it in the log."""
    body = orjson.dumps({"detail": "internal error; the log has it under this request id", "request_id": request_id})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
