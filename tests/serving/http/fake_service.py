"""A small application behind the real middleware, admission control and protocol, on a real socket in this process."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from prometheus_client import generate_latest

from serving.access.api_keys import ApiKeys
from serving.access.policy import make_access_policy
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_store import FeatureStore
from serving.http.middleware import add_request_middleware
from serving.process.http_protocol import ApiProtocol
from serving.process.server import State, make_config
from serving.settings import Settings
from serving.telemetry.access_log import AccessLog
from serving.telemetry.metrics import Metrics
from tests.serving.log import Log

BASE = {"redis_url": "redis://127.0.0.1:9/0", "mlflow_tracking_uri": "http://127.0.0.1:9"}
ARRIVAL_SECONDS = 0.5
SILENCE, RESET = b"<silence>", b"<reset>"
"""Stand for a connection that the other end left open, and for one that it reset."""


HOST = b"Host: api\r\n"
LAST = HOST + b"Connection: close\r\n"
GOOD = b"GET /movies HTTP/1.1\r\n" + HOST + b"\r\n"
GOODBYE = b"GET /movies HTTP/1.1\r\n" + LAST + b"\r\n"
CHUNKED = b"POST /predict HTTP/1.1\r\n" + LAST + b"Transfer-Encoding: chunked\r\n\r\n"


def post(body: bytes, head: bytes = b"") -> bytes:
    return b"POST /predict HTTP/1.1\r\n" + LAST + b"Content-Length: %d\r\n" % len(body) + head + b"\r\n" + body


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def statuses(heard: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)]


class Hasty(ApiProtocol):
    """The protocol with shorter time limits."""

    arrival_seconds = ARRIVAL_SECONDS
    quiet_seconds = 0.3
    stuck_seconds = 0.3


class FakeService:
    """A listening service, its log and its metrics."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings.model_validate(BASE | settings)
        store = FeatureStore(self.settings)
        self.log = Log()
        self.metrics = Metrics(DeploymentWatcher(self.settings, store), self.log)
        self.go = asyncio.Event()
        self.state = State()
        self.app = self._make_app()
        self.port = 0

    def _make_app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/movies")
        async def movies() -> dict[str, bool]:
            return {"ok": True}

        @app.get("/livez")
        async def livez() -> dict[str, bool]:
            return {"alive": True}

        @app.get("/wait")
        async def wait() -> dict[str, bool]:
            await self.go.wait()
            return {"ok": True}

        @app.get("/huge")
        async def huge() -> str:
            return "x" * 20_000_000

        @app.post("/predict")
        async def predict(request: Request) -> dict[str, int]:
            return {"length": len(await request.body())}

        keys = ApiKeys(self.settings.api_keys_file) if self.settings.api_keys_file else None
        access_policy = make_access_policy(self.settings, keys)
        add_request_middleware(
            app, self.settings, self.metrics, access_log=AccessLog(self.log), access_policy=access_policy, short={}
        )
        return app

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["FakeService"]:
        config = make_config(self.app, self.settings)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Hasty(config, self.state, {}, loop), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for connection in tuple(self.state.connections):
                connection.transport.abort()
            self.log.close()
            await asyncio.sleep(0)

    async def say(self, *parts: bytes, pause: float = 0) -> bytes:
        """Send the parts, then read until the other end closes, or says nothing more for a while."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        heard = asyncio.ensure_future(hear(reader))
        for part in parts:
            if heard.done() or writer.is_closing():
                break
            writer.write(part)
            await asyncio.sleep(pause)
        answer = await heard
        writer.transport.abort()
        return answer

    @property
    def lines(self) -> list[dict[str, Any]]:
        return self.log.lines

    def count(self, series: str) -> float:
        text = generate_latest(self.metrics.registry).decode()
        return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(series + " ")), 0.0)


async def hear(reader: asyncio.StreamReader) -> bytes:
    """Return the bytes until the end, or until a silence that is longer than the server's time limits."""
    heard = b""
    try:
        while part := await asyncio.wait_for(reader.read(1 << 16), 4 * ARRIVAL_SECONDS):
            heard += part
    except TimeoutError:
        return heard + SILENCE
    except ConnectionError:
        return heard + RESET
    return heard


def run(scene: Callable[[FakeService], Any], **settings: Any) -> Any:
    """Run a scene with a new service."""

    async def play() -> Any:
        world = FakeService(**settings)
        async with world.listening():
            return await scene(world)

    return asyncio.run(play())


def check_refusal(world: FakeService, heard: bytes, status: int, reason: str) -> None:
    """Check that the caller got one complete answer, and that log and metrics agree with it."""
    assert statuses(heard) == [status], heard[:300]
    head, _, body = heard.partition(b"\r\n\r\n")
    assert SILENCE not in body, "the connection was left open"
    assert RESET not in body
    answer = json.loads(body)
    assert answer.keys() == {"detail", "reason", "request_id"}
    assert answer["reason"] == reason
    assert b"connection: close" in head
    assert b"x-content-type-options: nosniff" in head
    assert b"x-request-id: " + answer["request_id"].encode() in head
    (line,) = world.lines
    assert (line["status"], line["outcome"], line["request_id"]) == (status, reason, answer["request_id"])
    assert world.count(f'marquee_requests_rejected_total{{reason="{reason}"}}') == 1
