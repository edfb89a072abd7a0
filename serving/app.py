"""The application, put together; nothing happens at import."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO

from fastapi import FastAPI
from starlette.routing import Route

from serving.features.feature_store import FeatureStore
from serving.metrics import Metrics
from serving.models.release import ReleaseWatch
from serving.settings import Settings
from serving.web.access_log import AccessLog
from serving.web.door import Door
from serving.web.health import health_routes
from serving.web.openapi import DESCRIPTION, build_openapi
from serving.web.predict import PredictEndpoint

log = logging.getLogger("serving")

PAUSE_SECONDS = 1.0


def create_app(settings: Settings | None = None, log_file: BinaryIO | None = None) -> FastAPI:
    """Make an application; connections are opened and background tasks started by its lifespan."""
    settings = settings or Settings()  # filled from the environment
    store = FeatureStore(settings)
    watch = ReleaseWatch(settings, store)
    metrics = Metrics(store, watch)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await watch.load_last_good()
        followers = [asyncio.create_task(keep_going(follow)) for follow in (store.follow_pointer, watch.follow_champion)]
        try:
            yield
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            await store.close()

    app = FastAPI(title="Marquee", version="1.0.0", description=DESCRIPTION, lifespan=lifespan, redirect_slashes=False)
    predict = PredictEndpoint(store, watch, metrics)
    app.router.routes.append(Route("/predict", predict, methods=["GET"], include_in_schema=False))
    app.include_router(health_routes(store, watch, metrics))
    access_log = AccessLog(log_file or sys.stdout.buffer, metrics.log_lines_dropped)
    app.add_middleware(Door, metrics=metrics, access_log=access_log, short={("GET", "/predict"): predict})
    app.openapi = partial(build_openapi, app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


async def keep_going(follow: Callable[[], Awaitable[None]]) -> None:
    """Start a follower again when it stumbles over a fault of ours, else what it follows would silently grow stale."""
    while True:
        try:
            await follow()
        except Exception:
            log.exception("background task %s failed; it starts again in %s s", follow.__name__, PAUSE_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)
