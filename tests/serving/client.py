"""A client of an application in this process, its lifespan and background tasks running."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from prometheus_client import generate_latest


class Client:
    """Blocking calls into the loop that runs the application."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient, app: FastAPI) -> None:
        self._portal, self._client, self._app = portal, client, app

    def get(self, path: str, headers: Mapping[str, str] | Mapping[bytes, bytes] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)

    def post(self, path: str, body: object) -> httpx.Response:
        """Send bytes as they are, anything else as JSON."""
        return self.request("POST", path, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        return self._portal.call(partial(self._client.request, method, path, headers=headers, content=content))

    def metrics(self) -> str:
        """Return the text of the metrics' port."""
        return generate_latest(self._app.state.metrics.registry).decode()


@contextmanager
def run_app(app: FastAPI) -> Iterator[Client]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        transport = httpx.ASGITransport(app)
        with portal.wrap_async_context_manager(httpx.AsyncClient(transport=transport, base_url="http://api")) as client:
            yield Client(portal, client, app)
