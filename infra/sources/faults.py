"""Scripted faults for tests: 429s, 5xx bursts, cut bodies, hangs and redirects, a sequence for each path."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERY_PATH = "*"


@dataclass(frozen=True)
class Fault:
    """One wrong answer. Without `status`, the right answer is sent, delayed and cut as the fault describes."""

    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0
    """Time before the first byte; a long one is a hang."""
    cut_after: int | None = None
    """Bytes of the body sent before the connection is closed, whatever Content-Length promised."""
    seconds_between_bytes: float = 0
    """Time between single bytes of the body, for a server that is too slow."""


class FaultyApp:
    """An app around another: a request takes the next fault of its path, else the next of EVERY_PATH, else none."""

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
            message = {**message, "body": body, "more_body": True}  # never finished: the server closes the connection
        if message["type"] == "http.response.body" and fault.seconds_between_bytes:
            for byte in body:
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                await asyncio.sleep(fault.seconds_between_bytes)
            message = {**message, "body": b""}
        await send(message)

    return send_faulty
