"""Sends one GET to TMDB: kept-alive connections, a deadline and a size limit for the whole answer, no redirects."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, Timeout
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from tasks.core.errors import BadSetting
from tasks.io.retries import FailedTry

CONNECT_SECONDS = 5
SILENCE_SECONDS = 10
CALL_SECONDS = 30
"""The deadline of one whole answer, even if the server sends it byte by byte."""
LARGEST_BYTES = 16 << 20
"""After decompression. The largest real answer seen has 0.3 MB."""
PIECE_BYTES = 1 << 16


class CallFailed(FailedTry):
    """A call without a whole answer. The message contains neither the token nor the headers."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; the body is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A pool of connections to TMDB.

    requests finds the proxies and certificates once; each call then goes through its urllib3 pool. The synthetic sample has
    20,000 movies and no rate limit, and a call through requests.Session takes twice the CPU of one through the pool.
    """

    def __init__(self, base_url: str, token: str, connections: int) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadSetting(f"TMDB_BASE_URL is {base_url!r}; write it as https://api.themoviedb.org")
        self._headers = {
            "Authorization": f"Bearer {_check_token(token)}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "marquee",
        }
        request = requests.Request("GET", base_url.rstrip("/") + "/").prepare()
        with requests.Session() as session:
            route = session.merge_environment_settings(request.url or base_url, {}, False, None, None)
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
        pool = self._adapter.get_connection_with_tls_context(request, route["verify"], route["proxies"], route["cert"])
        self._pool = cast(HTTPConnectionPool, pool)
        self._root = self._adapter.request_url(request, route["proxies"]).rstrip("/")

    def get(self, path: str) -> Reply:
        """Return the answer with any status, also a redirect; raise CallFailed if no whole answer comes in time."""
        deadline = time.monotonic() + CALL_SECONDS
        try:
            response = self._pool.urlopen(
                "GET",
                self._root + path,
                headers=self._headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=SILENCE_SECONDS),
            )
            try:
                body = _read_body(response, deadline)
            except BaseException:
                response.close()  # a connection with half an answer in it cannot be used again
                raise
            finally:
                response.release_conn()  # returns the place in the pool, closed or not
        except (HTTPError, OSError) as error:
            raise CallFailed(f"{type(error).__name__}: {error}") from error
        return Reply(response.status, response.headers, body)

    def close(self) -> None:
        self._adapter.close()


def _read_body(response: BaseHTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    # read1 returns the bytes that have come, so that the deadline also ends an answer that is sent byte by byte.
    while piece := response.read1(PIECE_BYTES, decode_content=True):
        body += piece
        if len(body) > LARGEST_BYTES:
            raise CallFailed(f"the answer is longer than {LARGEST_BYTES} bytes")
        if time.monotonic() > deadline:
            raise CallFailed(f"the answer was not whole after {CALL_SECONDS} s: {len(body)} bytes")
    return bytes(body)


def _check_token(token: str) -> str:
    """Return the token without blanks around it; raise BadSetting, which does not show it, if http.client would reject it."""
    stripped = token.strip()
    if not stripped or not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise BadSetting("TMDB_ACCESS_TOKEN is not a bearer token: it is empty or has characters that no token has")
    return stripped
