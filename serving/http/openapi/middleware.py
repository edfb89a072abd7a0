"""Adds the rejections that any route may answer to the OpenAPI document."""

from typing import Any, Literal

from serving.access.rejections import (
    BODY_TOO_LARGE,
    ENCODED_BODY,
    HEADERS_TOO_LARGE,
    MALFORMED,
    NO_KEY,
    TOO_SLOW,
    URL_TOO_LONG,
    Rejection,
    rate_limited,
)
from serving.http.admission import PROBES
from serving.http.openapi.examples import ID, REQUEST_ID_HEADER
from serving.http.schemas import Body

UNREADABLE = (MALFORMED, TOO_SLOW, BODY_TOO_LARGE, URL_TOO_LONG, HEADERS_TOO_LARGE)
"""Rejections of malformed, slow or large requests, possible on every path."""
REJECTIONS = (*UNREADABLE, NO_KEY, ENCODED_BODY, rate_limited("100 in 1 s", 1))
"""One rejection for each status; `overloaded` is among the reasons of a 503."""
HEADER_TEXTS = {
    "retry-after": "Seconds to wait before a retry.",
    "www-authenticate": "The way to send a key.",
}


class RejectionBody(Body):
    """The answer to a request that was rejected before its route."""

    detail: str
    reason: Literal[
        "body_too_large",
        "encoded_body",
        "headers_too_large",
        "malformed_request",
        "rate_limited",
        "request_timeout",
        "unauthorized",
        "url_too_long",
    ]
    request_id: str


def document_rejections(document: dict[str, Any]) -> dict[str, Any]:
    """Add the rejections to every operation, and the ways to send a key to all but the probes; return the document."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["RejectionBody"] = RejectionBody.model_json_schema()
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in PROBES:
                operation["security"] = [{}, {"bearer": []}, {"key": []}]  # the empty one: no key is needed when no keys are set
            for rejection in UNREADABLE if path in PROBES else REJECTIONS:
                operation["responses"].setdefault(str(rejection.status), render(rejection))
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return document


def render(rejection: Rejection) -> dict[str, Any]:
    """Return a rejection as an OpenAPI response."""
    texts = {name.decode(): HEADER_TEXTS.get(name.decode()) for name, _ in rejection.headers}
    headers = {name.title(): {"description": text, "schema": {"type": "string"}} for name, text in texts.items() if text}
    example = {"detail": rejection.detail, "reason": rejection.reason, "request_id": ID}
    return {
        "description": rejection.detail[0].upper() + rejection.detail[1:],
        "headers": REQUEST_ID_HEADER | headers,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/RejectionBody"},
                "examples": {rejection.reason: {"value": example}},
            }
        },
    }
