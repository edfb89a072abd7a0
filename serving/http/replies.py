"""JSON answers, encoded by orjson: FastAPI sends a Response unchanged, without validating it again."""

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from serving.core.errors import PredictionError
from serving.core.requests import MalformedRequest, explain
from serving.telemetry.metrics import MALFORMED, Metrics

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
SEARCH_PATH = "/movies"


def encode_json(body: dict[str, Any], request_id: str) -> bytes:
    """Return the body as JSON with the request id; times are UTC and end with Z."""
    body["request_id"] = request_id
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def reply(request: Request, outcome: str, body: dict[str, Any], headers: Headers, status: int = 200) -> Response:
    """Return the response and note its outcome for the access log."""
    request.scope["outcome"] = outcome
    return make_response(status, headers, encode_json(body, request.scope["request_id"]))


def make_response(status: int, headers: Headers, body: bytes) -> Response:
    """Return a JSON response with these additional headers."""
    response = Response(body, status, media_type="application/json")
    response.raw_headers.extend(headers)
    return response


def retry_after(error: PredictionError) -> Headers:
    """Return the header Retry-After, if a retry can help."""
    seconds = error.retry_after_seconds
    return [] if seconds is None else [(b"retry-after", b"%d" % seconds)]


def add_error_handlers(app: FastAPI, metrics: Metrics) -> None:
    """Turn the errors that a route raises into answers; the middleware answers any other exception with a 500."""

    def reply_malformed(request: Request, problems: list[dict[str, Any]]) -> Response:
        if request.scope["path"] != SEARCH_PATH:  # a search is not a prediction
            metrics.note_outcome(MALFORMED)
        return reply(request, MALFORMED, {"detail": problems}, [], 422)

    @app.exception_handler(RequestValidationError)
    async def answer_invalid(request: Request, error: RequestValidationError) -> Response:
        return reply_malformed(request, [tidy(problem) for problem in explain(error.errors())])

    @app.exception_handler(MalformedRequest)
    async def answer_malformed(request: Request, error: MalformedRequest) -> Response:
        place = "query" if request.scope["path"] == SEARCH_PATH else "body"
        return reply_malformed(request, [problem | {"loc": [place, *problem["loc"]]} for problem in error.problems])

    @app.exception_handler(PredictionError)
    async def answer_prediction_error(request: Request, error: PredictionError) -> Response:
        body = {"detail": str(error), "reason": error.reason}
        return reply(request, error.reason, body, retry_after(error), error.status)

    @app.exception_handler(405)
    async def answer_method_not_allowed(request: Request, error: HTTPException) -> Response:
        """Return the methods of all routes of the path; Starlette returns those of the first route only."""
        routes = [route for route in app.routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE]
        methods = {method for route in routes for method in route.methods or ()}
        allow = (b"allow", ", ".join(sorted(methods)).encode())
        return make_response(405, [allow], orjson.dumps({"detail": error.detail}))


def tidy(problem: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's problem without the byte offset that FastAPI adds to `loc` when the body is not JSON."""
    return problem | {"loc": ["body"], "input": None} if problem["type"] == "json_invalid" else problem
