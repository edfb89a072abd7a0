"""Assembles the application; importing this module has no side effects."""

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

from serving.components import Components
from serving.http.docs import add_docs
from serving.http.health import make_health_router
from serving.http.middleware import add_request_middleware
from serving.http.openapi.document import DESCRIPTION, build_openapi
from serving.http.predict import PredictEndpoint
from serving.http.replies import add_error_handlers
from serving.http.routes import make_prediction_router
from serving.settings import Settings
from serving.telemetry.log_writer import LogWriter

log = logging.getLogger("serving")

RESTART_SECONDS = 1.0
"""Pause between the failure of a background task and its next start."""


def create_app(settings: Settings | None = None, log_writer: LogWriter | None = None) -> FastAPI:
    """Return an application; its lifespan opens the connections and starts the background tasks.

    This is a function, not a module-level object, so that tests can make applications with their own settings.
    """
    components = Components.make(settings or Settings(), log_writer or LogWriter(sys.stdout.buffer))
    app = Application(
        title="Marquee",
        version="1.0.0",
        description=DESCRIPTION,
        lifespan=partial(run_components, components),
        redirect_slashes=False,
        docs_url=None,  # `add_docs` serves the pages without another host
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    predict = PredictEndpoint(components.service, components.metrics)
    app.include_router(make_prediction_router(components.service, components.deployments, predict))
    app.include_router(make_health_router(components))
    add_docs(app, components.settings.root_path)
    add_error_handlers(app, components.metrics)
    add_request_middleware(
        app,
        components.settings,
        components.metrics,
        access_log=components.access_log,
        access_policy=components.access_policy,
        short={("GET", "/predict"): predict},
    )
    app.state.metrics = components.metrics
    app.openapi = partial(build_openapi, app, components.settings.root_path)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


@asynccontextmanager
async def run_components(components: Components, _app: FastAPI) -> AsyncIterator[None]:
    """Open the components, keep their background tasks and the gRPC server running, and close everything at the end."""
    await components.open()
    followers, tasks, rpc = components.followers, list[asyncio.Task[None]](), None
    try:
        if components.settings.grpc_port:
            os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # children are spawned; fork support would write into the log
            from serving.grpc_api.server import make_server  # noqa: PLC0415  # grpc costs memory: import it only where it is served

            rpc = make_server(components)
            await rpc.start()
            followers.append(rpc.follow_readiness)
        tasks += [asyncio.create_task(keep_running(follower)) for follower in followers]
        yield
    finally:
        if rpc is not None:
            await rpc.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await components.close()


class Application(FastAPI):
    """FastAPI without Starlette's outer ServerErrorMiddleware.

    RequestMiddleware already handles unhandled errors, and the extra layer costs time on every request.
    """

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]  # awaited alike
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        return self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        outermost = super().build_middleware_stack()
        if not isinstance(outermost, ServerErrorMiddleware):
            raise TypeError(f"Starlette's outermost middleware is {outermost!r}")
        return outermost.app


async def keep_running(follow: Callable[[], Awaitable[None]]) -> None:
    """Run a background task forever. Restart it after an unexpected error, else its data would silently become stale."""
    while True:
        try:
            await follow()
        except Exception:
            log.exception("background task %s failed; it starts again in %s s", follow.__name__, RESTART_SECONDS)
        await asyncio.sleep(RESTART_SECONDS)
