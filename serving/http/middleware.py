"""Middleware around every request: request id, security headers, log line and metrics."""

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
"""Routes without log lines: orchestrators call them every few seconds, and the lines would hide all others."""
DOCS_ROUTES = frozenset({"/docs", "/redoc"})
"""Routes that set their own content security policy, which allows their scripts."""
ROUTES = frozenset({"/", "/predict", "/whatif", "/movies", "/openapi.json"}) | QUIET_ROUTES | DOCS_ROUTES
"""Labels of the metrics. Any other path is counted as `other`, so that a scanner cannot create an unlimited number of series."""
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

    This order answers a browser's preflight request, which has no key, and lets a page read the reason of a rejection.
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
                raise  # part of the answer is sent, so the server must close the connection
            await send_failure(send_with_headers, request_id)
        seconds = time.perf_counter() - started
        self._metrics.note_answer(route, status, seconds)
        if route not in QUIET_ROUTES:
            self._access_log.add(scope, status, seconds)


class RequestIds:
    """A generator of ids of 32 hex digits, unique across processes. It counts, because a random id costs a system call."""

    def __init__(self) -> None:
        self._prefix, self._count = secrets.token_hex(12), itertools.count()

    def next(self) -> str:
        """Return a new id."""
        return f"{self._prefix}{next(self._count) & 0xFFFF_FFFF:08x}"


def read_request_id(scope: Scope) -> str | None:
    """Return the caller's X-Request-ID if it is safe to log, else None."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if _REQUEST_ID.match(value) else None
    return None


async def send_failure(send: Send, request_id: str) -> None:
    """Answer 500 after an unexpected error, without the traceback but with the request id that identifies it in the log."""
    body = orjson.dumps({"detail": "internal error; the log has it under this request id", "request_id": request_id})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
