"""What every call passes: a request id, the guard, one log line, one measurement; what cannot be answered becomes a status."""

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
"""Of the statuses over HTTP."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_PEER = re.compile(r"ipv[46]:(?:%5B(?P<v6>.+)%5D|(?P<v4>[^:]+)):(?P<port>[0-9]+)\Z")


class NotAnswered(NamedTuple):
    """The status of a call, and why; the reason is the log's and the trailing metadata's."""

    code: grpc.StatusCode
    reason: str
    detail: str
    metadata: Metadata = ()


class CallInterceptor:
    """Around each method of the service. `guard` judges keys and rate as for HTTP; None: there is nothing to judge."""

    def __init__(self, registry: CollectorRegistry, access_log: AccessLog, guard: AccessPolicy | None, most_at_work: int) -> None:
        self._access_log, self._guard, self._most_at_work = access_log, guard, most_at_work
        self._at_work: set[asyncio.Task[Reply | NotAnswered]] = set()
        self._seconds = Histogram(
            "marquee_grpc_call_duration_seconds", "Time to answer.", ["method"], buckets=BUCKETS, registry=registry
        )
        self._calls = Counter("marquee_grpc_calls", "Calls by status code.", ["method", "code"], registry=registry)

    def wrap(self, path: str, answer: Answerer, note_malformed: Callable[[], None]) -> Handler:
        """The handler that grpc calls; path: as /package.Service/Method. A message of None is one that was no message."""
        method = path.rpartition("/")[2]

        async def handle(message: Any, context: grpc.aio.ServicerContext) -> Any:
            started = time.perf_counter()
            scope = describe(path, context)
            own: Metadata = (("x-request-id", scope["request_id"]),)
            code = grpc.StatusCode.CANCELLED
            try:
                found = self._judge(scope) or await self._work(message, scope, answer, note_malformed)
                code = grpc.StatusCode.OK if isinstance(found, Reply) else found.code
                scope["outcome"] = found.outcome if isinstance(found, Reply) else found.reason
            finally:  # the caller may have gone
                seconds = time.perf_counter() - started
                self._seconds.labels(method).observe(seconds)
                self._calls.labels(method, code.name).inc()
                self._access_log.add(scope, code.value[0], seconds)
            if isinstance(found, Reply):
                context.set_trailing_metadata(own)
                return found.message
            return await context.abort(found.code, found.detail, (*own, ("reason", found.reason), *found.metadata))

        return handle

    def _judge(self, scope: Scope) -> NotAnswered | None:
        if len(self._at_work) >= self._most_at_work:
            refused: Rejection | None = OVERLOADED
        else:
            refused = self._guard.judge(scope) if self._guard else None
        if refused is None:
            return None
        metadata = tuple((name.decode(), value.decode()) for name, value in refused.headers if name == b"retry-after")
        return NotAnswered(CODES[refused.status], refused.reason, refused.detail, metadata)

    async def _work(
        self, message: Any, scope: Scope, answer: Answerer, note_malformed: Callable[[], None]
    ) -> Reply | NotAnswered:
        """In a task of its own: a caller that gives up must not cut the Redis connection, which answers others too."""
        task = asyncio.create_task(decide(message, scope, answer, note_malformed))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return await asyncio.shield(task)


async def decide(message: Any, scope: Scope, answer: Answerer, note_malformed: Callable[[], None]) -> Reply | NotAnswered:
    """The answer, or the status that says why there is none; never raises."""
    if message is None:
        note_malformed()
        return NotAnswered(grpc.StatusCode.INVALID_ARGUMENT, MALFORMED, "the request is not a message of this method")
    try:
        return await answer(message, scope["request_id"])
    except (MalformedRequest, MalformedQuery) as malformed:
        note_malformed()
        return NotAnswered(grpc.StatusCode.INVALID_ARGUMENT, MALFORMED, str(malformed))
    except PredictionError as refusal:
        after = refusal.retry_after_seconds
        metadata = () if after is None else (("retry-after", str(after)),)
        return NotAnswered(CODES[refusal.status], refusal.reason, str(refusal), metadata)
    except Exception:
        log.exception("request %s failed", scope["request_id"])
        detail = "internal error; the log has it under this request id"
        return NotAnswered(grpc.StatusCode.INTERNAL, "internal", detail)


def describe(path: str, context: grpc.aio.ServicerContext) -> Scope:
    """A call as what the log and the guard know requests by."""
    metadata = context.invocation_metadata() or ()
    given = next((value for name, value in metadata if name == "x-request-id"), "")
    peer = _PEER.match(context.peer())
    return {
        "request_id": given if isinstance(given, str) and _REQUEST_ID.match(given) else secrets.token_hex(16),
        "method": "gRPC",
        "path": path,
        "query_string": b"",
        "headers": metadata,
        "client": (peer["v6"] or peer["v4"], int(peer["port"])) if peer else None,
    }
