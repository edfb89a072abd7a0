"""Scripted faults for tests: 429s, bursts of 5xx, truncated bodies, hangs and redirects, as a sequence for each path."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERY_PATH = "*"


@dataclass(frozen=True)
class Fault:
    """One faulty answer. Without `status`, the normal answer is sent, but delayed or truncated as the fields say."""

    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0
    """Time before the first byte; a long time simulates a hang."""
    cut_after: int | None = None
    """Bytes of the body to send before the connection is closed, even if Content-Length announced more."""
    seconds_between_bytes: float = 0
    """Time between single bytes of the body; simulates a slow server."""


class FaultyApp:
    """A wrapper of an app. Each request gets the next fault of its path, else of EVERY_PATH, else the app's own answer."""

    def __init__(self, app: ASGIApp, faults: Mapping[str, Sequence[Fault]]) -> None:
        self._app = app
        self._waiting = {path: deque(sequence) for path, sequence in faults.items()}
        self.paths_requested: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        self.paths_requested.append(path)
        fault = self._next_fault(path)
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay_seconds)
        if fault.status is None:
            await self._app(scope, receive, _with_fault(send, fault))
        else:
            await _answer(_with_fault(send, fault), fault, HTTPStatus(fault.status))

    def _next_fault(self, path: str) -> Fault | None:
        for key in (path, EVERY_PATH):
            if self._waiting.get(key):
                return self._waiting[key].popleft()
        return None


async def _answer(send: Send, fault: Fault, status: HTTPStatus) -> None:
    headers = {"content-type": "application/json; charset=utf-8", "content-length": str(len(fault.body)), **fault.headers}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status.value, "headers": raw})
    await send({"type": "http.response.body", "body": fault.body})


def _with_fault(send: Send, fault: Fault) -> Send:
    sent = 0

    async def send_faulty(message: Message) -> None:
        nonlocal sent
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and fault.cut_after is not None:
            body = body[: max(fault.cut_after - sent, 0)]
            sent += len(body)
            message = {**message, "body": body, "more_body": True}  # never completed, so the server closes the connection
        if message["type"] == "http.response.body" and fault.seconds_between_bytes:
            for byte in body:
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                await asyncio.sleep(fault.seconds_between_bytes)
            message = {**message, "body": b""}
        await send(message)

    return send_faulty
