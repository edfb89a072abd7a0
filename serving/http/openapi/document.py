"""The OpenAPI document: FastAPI's, and what the middleware may answer in place of any route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.http.openapi.middleware import document_rejections

DESCRIPTION = """
Predicts a movie's IMDb rating from what is known before its release.

A prediction is made from one published feature row and one released model, both named in the answer. Nothing that is missing
is made up: a movie without a row is a 404; when the features cannot be read, the answer is the last published rating and says
so (`degraded`), or a 503 that names the missing part. Every answer carries the request id, in the header `X-Request-ID` and in
the body, and the id of its receipt.
"""


def build_openapi(app: FastAPI, root_path: str) -> dict[str, Any]:
    """Return the whole document, built once; root_path: the prefix that a proxy strips, or empty."""
    if app.openapi_schema is None:
        servers = [{"url": root_path}] if root_path else None
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, servers=servers
        )
        app.openapi_schema = document_rejections(document)
    return app.openapi_schema
