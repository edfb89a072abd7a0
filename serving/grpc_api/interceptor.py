"""Wraps every gRPC call: request id, keys and rate limit, log line and metrics; errors become a status."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

from serving.access.policy import AccessPolicy
from serving.access.rejections import OVERLOADED, Rejection
from serving.core.errors import PredictionError
from serving.core.requested_id import MalformedQuery
from serving.core.requests import MalformedRequest
from serving.grpc_api.servicer import Answerer, Reply
from serving.telemetry.access_log import AccessLog
from serving.telemetry.metrics import BUCKETS, MALFORMED

log = logging.getLogger("serving.grpc")

Handler = Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]]
Metadata = tuple[tuple[str, str], ...]

CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""gRPC status code for each HTTP status."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_PEER = re.compile(r"ipv[46]:(?:%5B(?P<v6>.+)%5D|(?P<v4>[^:]+)):(?P<port>[0-9]+)\Z")


class Failure(NamedTuple):
    """The status of a failed call; the reason goes into the log and the trailing metadata."""

    code: grpc.StatusCode
    reason: str
    detail: str
    metadata: Metadata = ()


class CallInterceptor:
    """A wrapper for the methods of the service. access_policy: the same as for HTTP; None without keys and rate limit."""

    def __init__(
        self, registry: CollectorRegistry, access_log: AccessLog, access_policy: AccessPolicy | None, max_in_flight: int
    ) -> None:
        self._access_log, self._access_policy, self._max_in_flight = access_log, access_policy, max_in_flight
        self._in_flight: set[asyncio.Task[Reply | Failure]] = set()
        self._seconds = Histogram(
            "marquee_grpc_call_duration_seconds", "Time to answer.", ["method"], buckets=BUCKETS, registry=registry
        )
        self._calls = Counter("marquee_grpc_calls", "Calls by status code.", ["method", "code"], registry=registry)

    def wrap(self, path: str, answer: Answerer, note_malformed: Callable[[], None]) -> Handler:
        """Return the handler for grpc; its message is None when it could not be parsed. path: /package.Service/Method."""
        method = path.rpartition("/")[2]

        async def handle(message: Any, context: grpc.aio.ServicerContext) -> Any:
            started = time.perf_counter()
            scope = describe(path, context)
            own: Metadata = (("x-request-id", scope["request_id"]),)
            code = grpc.StatusCode.CANCELLED
            try:
                found = self._reject(scope) or await self._run(message, scope, answer, note_malformed)
                code = grpc.StatusCode.OK if isinstance(found, Reply) else found.code
                scope["outcome"] = found.outcome if isinstance(found, Reply) else found.reason
                if prediction_id := getattr(getattr(found, "message", None), "prediction_id", ""):
                    scope["prediction_id"] = prediction_id
            finally:  # also when the caller cancelled the call
                seconds = time.perf_counter() - started
                self._seconds.labels(method).observe(seconds)
                self._calls.labels(method, code.name).inc()
                self._access_log.add(scope, code.value[0], seconds)
            if isinstance(found, Reply):
                context.set_trailing_metadata(own)
                return found.message
            return await context.abort(found.code, found.detail, (*own, ("reason", found.reason), *found.metadata))

        return handle

    def _reject(self, scope: Scope) -> Failure | None:
        if len(self._in_flight) >= self._max_in_flight:
            rejection: Rejection | None = OVERLOADED
        else:
            rejection = self._access_policy.check(scope) if self._access_policy else None
        if rejection is None:
            return None
        metadata = tuple((name.decode(), value.decode()) for name, value in rejection.headers if name == b"retry-after")
        return Failure(CODES[rejection.status], rejection.reason, rejection.detail, metadata)

    async def _run(self, message: Any, scope: Scope, answer: Answerer, note_malformed: Callable[[], None]) -> Reply | Failure:
        """Answer in a separate task, so that a cancelled call does not cancel a read on the shared Redis connection."""
        task = asyncio.create_task(answer_or_fail(message, scope, answer, note_malformed))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return await asyncio.shield(task)


async def answer_or_fail(message: Any, scope: Scope, answer: Answerer, note_malformed: Callable[[], None]) -> Reply | Failure:
    """Return the answer, or the status that explains its absence; raise nothing."""
    if message is None:
        note_malformed()
        return Failure(grpc.StatusCode.INVALID_ARGUMENT, MALFORMED, "the request is not a message of this method")
    try:
        return await answer(message, scope["request_id"])
    except (MalformedRequest, MalformedQuery) as malformed:
        note_malformed()
        return Failure(grpc.StatusCode.INVALID_ARGUMENT, MALFORMED, str(malformed))
    except PredictionError as error:
        after = error.retry_after_seconds
        metadata = () if after is None else (("retry-after", str(after)),)
        return Failure(CODES[error.status], error.reason, str(error), metadata)
    except Exception:
        log.exception("request %s failed", scope["request_id"], extra={"fields": {"request_id": scope["request_id"]}})
        detail = "internal error; the log has it under this request id"
        return Failure(grpc.StatusCode.INTERNAL, "internal", detail)


def describe(path: str, context: grpc.aio.ServicerContext) -> Scope:
    """Return the call as an ASGI scope, the form that the access log and the access policy read."""
    metadata = context.invocation_metadata() or ()
    request_id = next((value for name, value in metadata if name == "x-request-id"), "")
    peer = _PEER.match(context.peer())
    return {
        "request_id": request_id if isinstance(request_id, str) and _REQUEST_ID.match(request_id) else secrets.token_hex(16),
        "method": "gRPC",
        "path": path,
        "query_string": b"",
        "headers": metadata,
        "client": (peer["v6"] or peer["v4"], int(peer["port"])) if peer else None,
    }
