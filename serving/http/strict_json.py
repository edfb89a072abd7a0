"""JSON without its traps: no NaN, no repeated names, no broken Unicode, no nesting that would overflow a reader."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

CLIENT_CLOSED_REQUEST = 499
"""Nginx's status for a caller that closed the connection; no caller reads it, the metrics and the log do."""


class StrictJsonRoute(APIRoute):
    """A route that reads its body as strict JSON, whatever the Content-Type says: there is no other format to choose."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, called with a request that parses strictly: FastAPI's documented way to do this."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return handle_strictly


class StrictJsonRequest(Request):
    """A request whose `json()` is `parse_json`."""

    @property
    def headers(self) -> Headers:
        """Return the headers with the one Content-Type that makes FastAPI parse the body."""
        others = [header for header in self.scope["headers"] if header[0] != b"content-type"]
        return Headers(raw=[*others, (b"content-type", b"application/json")])

    async def body(self) -> bytes:
        """Return the whole body; raise HTTPException when the caller has gone, which FastAPI would take for a malformed body."""
        try:
            return await super().body()
        except ClientDisconnect:
            self.scope["outcome"] = "gone"
            raise HTTPException(CLIENT_CLOSED_REQUEST) from None

    async def json(self) -> Any:
        """Return the parsed body; raise json.JSONDecodeError, of which FastAPI makes a 422."""
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """Return the value of a request's body, whole numbers of any length exact; raise json.JSONDecodeError."""
    try:
        orjson.loads(body)  # the strict parser; but it keeps the last of repeated names, and rounds long numbers
        return json.loads(body.decode(), object_pairs_hook=make_object)
    except RecursionError:
        raise json.JSONDecodeError("the nesting is too deep", "", 0) from None
    except ValueError as error:
        raise json.JSONDecodeError(str(error).partition(": line ")[0], "", 0) from None


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raise ValueError naming a name that occurs twice, of which readers keep different ones."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {repeated[:100]!r} occurs twice")
    return fields
