"""Answers to requests that are rejected before they reach a route: status, label and headers."""

from dataclasses import dataclass, replace

Headers = tuple[tuple[bytes, bytes], ...]

_CLOSE: Headers = ((b"connection", b"close"),)


@dataclass(frozen=True)
class Rejection:
    """The answer to one kind of rejected request."""

    status: int
    reason: str
    """The label in the body, the log and the metric."""
    detail: str
    headers: Headers = ()


HEAD_BYTES = 8 * 1024
"""Limit of the address, and a separate limit of all headers together."""
MAX_HEADERS = 100
BODY_BYTES = 64 * 1024
ARRIVAL_SECONDS = 10
"""Limit from a request's first byte to its last."""

MALFORMED = Rejection(400, "malformed_request", "this is not an HTTP/1.1 request", _CLOSE)
TOO_SLOW = Rejection(408, "request_timeout", f"the request did not arrive whole within {ARRIVAL_SECONDS} s", _CLOSE)
BODY_TOO_LARGE = Rejection(413, "body_too_large", f"the body is over {BODY_BYTES} bytes", _CLOSE)
URL_TOO_LONG = Rejection(414, "url_too_long", f"the address is over {HEAD_BYTES} bytes", _CLOSE)
HEADERS_TOO_LARGE = Rejection(
    431, "headers_too_large", f"the headers are over {HEAD_BYTES} bytes or more than {MAX_HEADERS}", _CLOSE
)
ENCODED_BODY = Rejection(
    415, "encoded_body", "the body must be sent as it is, without Content-Encoding", ((b"accept-encoding", b"identity"),)
)
OVERLOADED = Rejection(
    503, "overloaded", "this process already answers as many requests as MAX_IN_FLIGHT allows", ((b"retry-after", b"1"),)
)
NO_KEY = Rejection(
    401, "unauthorized", "a key is needed, as `Authorization: Bearer …` or `X-API-Key: …`", ((b"www-authenticate", b"Bearer"),)
)
WRONG_KEY = Rejection(401, "unauthorized", "this key is not known", ((b"www-authenticate", b'Bearer error="invalid_token"'),))
RATE_LIMITED = "rate_limited"


def rate_limited(limit: str, seconds: int) -> Rejection:
    """Return the answer to a request over the rate limit. seconds: until the next request is allowed, at least 1."""
    return Rejection(429, RATE_LIMITED, f"more than {limit}", ((b"retry-after", str(seconds).encode()),))


def malformed(explanation: str) -> Rejection:
    """Return MALFORMED with an explanation: a fixed text that repeats nothing from the request."""
    return replace(MALFORMED, detail=f"{MALFORMED.detail}: {explanation}")


_ALL = (MALFORMED, TOO_SLOW, BODY_TOO_LARGE, URL_TOO_LONG, HEADERS_TOO_LARGE, ENCODED_BODY, OVERLOADED, NO_KEY)
REASONS = tuple(sorted({RATE_LIMITED, *(rejection.reason for rejection in _ALL)}))
"""All labels, so that each series of the metric exists from the start."""
