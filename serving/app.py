"""The application, put together; nothing happens at import."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.api_keys import ApiKeys
from serving.access.policy import make_access_policy
from serving.features.feature_store import FeatureStore
from serving.http.health import Parts, health_routes
from serving.http.middleware import add_request_middleware
from serving.http.openapi.document import DESCRIPTION, build_openapi
from serving.http.predict import PredictEndpoint
from serving.http.routes import PredictionRoutes
from serving.models.release_watcher import ReleaseWatcher
from serving.prediction.service import PredictionService
from serving.prediction_set.watcher import PredictionSetWatcher
from serving.receipts.queue import ReceiptQueue
from serving.settings import Settings
from serving.telemetry.access_log import AccessLog
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.metrics import Metrics

log = logging.getLogger("serving")

PAUSE_SECONDS = 1.0
FIRST_LOOK_SECONDS = 0.5
"""Redis is waited for so long before the first request; without it the start goes on, and answers come from the snapshot."""
RECEIPT_SECONDS = 5.0
"""What waits for Postgres at the end may take this long."""


def create_app(settings: Settings | None = None, log_writer: LogWriter | None = None) -> FastAPI:
    """Make an application; connections are opened and background tasks started by its lifespan."""
    settings = settings or Settings()  # filled from the environment
    store = FeatureStore(settings)
    watch = ReleaseWatcher(settings, store)
    catalogues = PredictionSetWatcher(settings, store)
    log_writer = log_writer or LogWriter(sys.stdout.buffer)
    metrics = Metrics(store, watch, log_writer)
    keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
    guard = make_access_policy(settings, keys)
    url = settings.receipts_database_url
    receipts = ReceiptQueue(
        url.get_secret_value() if url else None,
        settings.receipts_queue,
        settings.receipts_per_second,
        metrics.receipts_dropped,
        metrics.receipts_written,
    )
    rater = PredictionService(settings, store=store, watch=watch, catalogues=catalogues, receipts=receipts, metrics=metrics)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        receipts.start()
        await catalogues.load_last_good()
        await store.wait_for_pointer(FIRST_LOOK_SECONDS)  # a renewed process is not asked before it can answer
        await watch.load_last_good()
        follow = [store.follow_pointer, watch.follow_champion, catalogues.follow, *([keys.follow] if keys else [])]
        rpc, followers = None, list[asyncio.Task[None]]()
        try:
            if settings.grpc_port:
                os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # our children are spawned; it would write into our log
                from serving.grpc_api.server import make_server  # noqa: PLC0415  # grpc costs memory; only where it is asked for

                rpc = make_server(parts, rater, metrics, access_log, guard)
                await rpc.start()
                follow.append(rpc.follow_readiness)
            followers += [asyncio.create_task(keep_going(each)) for each in follow]
            yield
        finally:
            if rpc is not None:
                await rpc.stop()
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            await store.close()
            catalogues.close()
            await asyncio.to_thread(receipts.close, RECEIPT_SECONDS)

    app = Application(title="Marquee", version="1.0.0", description=DESCRIPTION, lifespan=lifespan, redirect_slashes=False)
    predict = PredictEndpoint(rater, metrics)
    app.router.routes += PredictionRoutes(rater, catalogues, metrics).routes(predict)
    parts = Parts(store, watch, catalogues, receipts, settings)
    app.include_router(health_routes(parts))
    access_log = AccessLog(log_writer)
    add_request_middleware(app, settings, metrics, access_log=access_log, guard=guard, short={("GET", "/predict"): predict})
    app.state.metrics = metrics
    app.openapi = partial(build_openapi, app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


class Application(FastAPI):
    """FastAPI, but that the door is met first: what stands before it costs each answer and does nothing that it does not."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]  # awaited alike
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        return self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        last_resort = super().build_middleware_stack()
        if not isinstance(last_resort, ServerErrorMiddleware):
            raise TypeError(f"Starlette's outermost middleware is {last_resort!r}")
        return last_resort.app


async def keep_going(follow: Callable[[], Awaitable[None]]) -> None:
    """Start a follower again when it stumbles over a fault of ours, else what it follows would silently grow stale."""
    while True:
        try:
            await follow()
        except Exception:
            log.exception("background task %s failed; it starts again in %s s", follow.__name__, PAUSE_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)
