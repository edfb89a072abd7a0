"""The pages /docs and /redoc; they work without internet, because the package fastapi-offline has their scripts."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

ASSETS = "/docs/assets"
ASSET_NAMES = ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png")
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_docs(app: FastAPI, root_path: str) -> None:
    """Add the pages, their assets, and a redirect from /. root_path: the prefix that a proxy strips, or empty."""
    swagger, css, redoc, favicon = (f"{root_path}{ASSETS}/{name}" for name in ASSET_NAMES)
    openapi_url = f"{root_path}/openapi.json"
    pages = {
        "/docs": get_swagger_ui_html(
            openapi_url=openapi_url, title=app.title, swagger_js_url=swagger, swagger_css_url=css, swagger_favicon_url=favicon
        ),
        "/redoc": get_redoc_html(
            openapi_url=openapi_url, title=app.title, redoc_js_url=redoc, redoc_favicon_url=favicon, with_google_fonts=False
        ),
    }
    for path, page in pages.items():
        app.add_api_route(path, make_page(bytes(page.body)), include_in_schema=False)

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def lead_to_docs() -> Response:
        return RedirectResponse(f"{root_path}/docs")

    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))


def make_page(body: bytes) -> Callable[[], Awaitable[Response]]:
    """Return an endpoint that sends this page with its content security policy."""
    headers = {"content-security-policy": make_policy(body)}

    async def show_page() -> Response:
        return HTMLResponse(body, headers=headers)

    return show_page


def make_policy(page: bytes) -> str:
    """Return a content security policy that allows our files, and the page's inline scripts by digest, but no other host.

    Both libraries write style attributes and show images from `data:` URLs, and Redoc searches in a worker made of a `blob:`.
    """
    scripts = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(page)]
    digests = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in scripts)
    return (
        f"default-src 'none'; script-src 'self'{digests}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
