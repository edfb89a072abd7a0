"""Strict JSON parsing: rejects NaN, repeated names, broken Unicode and nesting that is too deep."""

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
"""Nginx's status for a caller that closed the connection; it appears only in the metrics and the log."""


class StrictJsonRoute(APIRoute):
    """A route that reads its body as strict JSON and ignores the Content-Type, because there is no other format."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler with a request that parses strictly, the way that FastAPI documents."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return handle_strictly


class StrictJsonRequest(Request):
    """A request whose `json()` is `parse_json`."""

    @property
    def headers(self) -> Headers:
        """Return the headers with Content-Type set to JSON, which makes FastAPI parse the body."""
        others = [header for header in self.scope["headers"] if header[0] != b"content-type"]
        return Headers(raw=[*others, (b"content-type", b"application/json")])

    async def body(self) -> bytes:
        """Return the whole body. Raise HTTPException when the caller has disconnected; FastAPI would report a malformed body."""
        try:
            return await super().body()
        except ClientDisconnect:
            self.scope["outcome"] = "gone"
            raise HTTPException(CLIENT_CLOSED_REQUEST) from None

    async def json(self) -> Any:
        """Return the parsed body. Raise json.JSONDecodeError, which FastAPI answers with 422."""
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """Return the parsed body, with whole numbers of any length exact. Raise json.JSONDecodeError."""
    try:
        orjson.loads(body)  # strict, but it keeps the last of repeated names and rounds long numbers
        return json.loads(body.decode(), object_pairs_hook=make_object)
    except RecursionError:
        raise json.JSONDecodeError("the nesting is too deep", "", 0) from None
    except ValueError as error:
        raise json.JSONDecodeError(str(error).partition(": line ")[0], "", 0) from None


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Raise ValueError for a name that occurs twice, because parsers differ in the value they keep."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {repeated[:100]!r} occurs twice")
    return fields
