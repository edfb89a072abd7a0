"""The OpenAPI document: FastAPI's, with the rejections that the middleware may answer on any route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.http.openapi.middleware import document_rejections

DESCRIPTION = """
Predicts a movie's IMDb rating from what is known before its release.

A prediction is made from one published feature row and one released model; the answer names the deployment of both. Missing
data is never invented: a movie without a row is a 404; when the features cannot be read, the answer is the published
prediction, marked `degraded`, or a 503 that names the missing part. Every answer has the request id, in the header
`X-Request-ID` and in the body; a prediction also has the id of its receipt.
"""


def build_openapi(app: FastAPI, root_path: str) -> dict[str, Any]:
    """Return the whole document, which is built once. root_path: the prefix that a proxy strips, or empty."""
    if app.openapi_schema is None:
        servers = [{"url": root_path}] if root_path else None
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, servers=servers
        )
        app.openapi_schema = document_rejections(document)
    return app.openapi_schema
