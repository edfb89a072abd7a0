"""What every request passes: a request id, the headers that keep browsers out of trouble, one log line, one measurement."""

import logging
import re
import secrets
import time

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics
from serving.web.access_log import AccessLog

log = logging.getLogger("serving")

QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines; a log line each would bury the rest."""
DOCS_ROUTES = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc"})
ROUTES = frozenset({"/predict", "/openapi.json"}) | QUIET_ROUTES | DOCS_ROUTES
"""Any other path is measured as `other`, so that a scanner cannot fill the metrics."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{1,64}\Z")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class Door:
    """ASGI middleware around the whole application; sets scope['request_id'].

    `short` maps (method, path) to the endpoint that is called at once: the routing that would find it costs more than it does.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, access_log: AccessLog, short: dict[tuple[str, str], ASGIApp]) -> None:
        self.app, self._metrics, self._access_log, self._short = app, metrics, access_log, short

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        path: str = scope["path"]
        route = path if path in ROUTES else "other"
        request_id = read_request_id(scope)
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
            await self._short.get((scope["method"], path), self.app)(scope, receive, send_with_headers)
        except Exception:
            log.exception("request %s failed", request_id)
            if status:
                raise  # half an answer is out; the server must cut the connection
            await send_failure(send_with_headers, request_id)
        seconds = time.perf_counter() - started
        self._metrics.note_answer(route, status, seconds)
        if route not in QUIET_ROUTES:
            self._access_log.add(scope, status, seconds)


def read_request_id(scope: Scope) -> str:
    """The caller's X-Request-ID where it is harmless in a log, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if _REQUEST_ID.match(value) else secrets.token_hex(16)
    return secrets.token_hex(16)


async def send_failure(send: Send, request_id: str) -> None:
    """The answer to a fault of ours: nothing of the traceback, only the id to find it in the log by."""
    body = orjson.dumps({"detail": "internal error; the log has it under this request id", "request_id": request_id})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
