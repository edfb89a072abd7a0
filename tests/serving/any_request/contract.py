"""The contract of every answer: it follows the OpenAPI document, has its headers, and shows no internals."""

import json
import re
from typing import Any

import jsonschema_rs

from serving.http.admission import PROBES
from tests.serving.any_request.wire import Answer

REJECTIONS = {400, 413, 414, 415, 431}
"""Rejections that any request may get without keys and rate limit, unless its caller is slow."""
UNREAD = {400, 414, 431}
"""Of these, what is answered before all headers were read; then the caller's own id is not known."""
PAGES = {"/docs", "/redoc", "/openapi.json"}
"""Served, and not in the document."""
REDIRECTS = {"/": "/docs"}
MOST_BYTES = 32 * 1024
"""Of an answer that refuses."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
POLICY = "default-src 'none'; frame-ancestors 'none'"
UNWANTED = {"server", "date", "x-powered-by", "set-cookie", "location", "content-encoding"}
_SOME_ID = re.compile("[A-Za-z0-9-]{1,64}")
_OWN_ID = re.compile("[0-9a-f]{32}")
_TRACE = re.compile(rb'Traceback|File \\?"|site-packages|\.py\b')


class Contract:
    """One document, and the answers held to it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths: dict[str, Any] = document["paths"]
        self._components = document["components"]
        self._validators: dict[str, Any] = {}

    def check(self, method: str, path: str, request_id: str | None, answer: Answer) -> None:
        """path: as the service should understand it; request_id: that it should echo, None where it should make one."""
        assert answer.status < 500, answer
        path = path.removesuffix("\n")  # Starlette matches its routes with `$`, which looks past one
        self._check_headers(path, request_id, answer)
        if method == "HEAD":
            assert path in REDIRECTS or int(answer.headers["content-length"]) > 0
            assert answer.status in self._find_statuses("GET", path) | ({405} if path in PROBES else set()), answer
            return
        assert answer.status in self._find_statuses(method, path), answer
        if (path in PAGES and answer.status == 200) or answer.status == 307:
            return
        body = json.loads(answer.body.decode(), parse_constant=fail)
        assert not _TRACE.search(answer.body), answer
        assert answer.status == 200 or len(answer.body) < MOST_BYTES
        self._check_body(method, path, answer.status, body)
        if "request_id" in body:
            assert body["request_id"] == answer.headers["x-request-id"]

    def check_any(self, answer: Answer) -> None:
        """An answer to what may not have been a request."""
        assert answer.status in REJECTIONS | {200, 307, 404, 405, 422}, answer
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert _SOME_ID.fullmatch(answer.headers["x-request-id"])
        assert not (UNWANTED - ({"location"} if answer.status == 307 else set())) & answer.headers.keys()
        if answer.body and answer.status not in (200, 307):
            assert not _TRACE.search(answer.body), answer
            assert len(answer.body) < MOST_BYTES
            json.loads(answer.body.decode(), parse_constant=fail)
        if answer.body and answer.status in REJECTIONS:
            self._validate("RejectionBody", json.loads(answer.body))

    def _find_statuses(self, method: str, path: str) -> set[int]:
        if path in REDIRECTS:
            return REJECTIONS | {307, 405}
        if path not in self._paths:
            return REJECTIONS | ({200, 405} if path in PAGES else {404})
        operations = self._paths[path]
        if method.lower() not in operations:
            return REJECTIONS | {405}
        return {int(status) for status in operations[method.lower()]["responses"]} - {401, 408, 429, 503}

    def _check_headers(self, path: str, request_id: str | None, answer: Answer) -> None:
        headers = answer.headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        page = path in PAGES and path != "/openapi.json"
        assert page or headers["content-security-policy"] == POLICY  # the pages allow their scripts
        assert headers.get("location") == (REDIRECTS[path] if answer.status == 307 else None)
        assert answer.status == 307 or headers["content-type"] == (
            "text/html; charset=utf-8" if page and answer.status == 200 else "application/json"
        )
        echoed = headers["x-request-id"]
        made_anew = _OWN_ID.fullmatch(echoed) is not None
        assert echoed == request_id or (made_anew and (request_id is None or answer.status in UNREAD)), answer
        assert not (UNWANTED - {"location"}) & headers.keys()
        assert not [name for name in headers if name.startswith("access-control-")]
        assert ("allow" in headers) == (answer.status == 405)

    def _check_body(self, method: str, path: str, status: int, body: Any) -> None:
        documented = self._paths.get(path, {}).get(method.lower(), {}).get("responses", {}).get(str(status))
        if documented is None:  # the framework's own 404 and 405, and rejections that any path may get
            if status in (404, 405):
                assert body == {"detail": {404: "Not Found", 405: "Method Not Allowed"}[status]}
                return
            self._validate("RejectionBody", body)
            return
        self._validate(documented["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2], body)

    def _validate(self, name: str, body: Any) -> None:
        if name not in self._validators:
            schema = {"$ref": f"#/components/schemas/{name}", "components": self._components}
            self._validators[name] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        self._validators[name].validate(body)


def fail(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
