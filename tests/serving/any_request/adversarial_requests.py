"""Complete requests with valid HTTP/1.1 framing and otherwise unusual content."""

from typing import Any, NamedTuple
from urllib.parse import unquote

from hypothesis import strategies as st

from tests.serving.any_request.adversarial_bodies import bodies
from tests.serving.any_request.adversarial_text import queries, weigh


class Asked(NamedTuple):
    """One request, as bytes, and how it should be understood."""

    data: bytes
    method: str
    path: str
    request_id: str | None
    """The id that the answer must echo; None: the service must make one."""

    def __repr__(self) -> str:
        return repr(self.data[:500])


USUAL = ["/predict", "/predict", "/predict", "/whatif", "/whatif", "/movies", "/movies"]
OTHER = ["/livez", "/readyz", "/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect", "/metrics", "/", "/nothing"]
ODD_PATHS = [
    *("//predict", "/predict/", "/PREDICT", "/%70redict", "/predict%00", "/predict%2f", "/predict%3Fmovie_id=1", "/./predict"),
    *(
        "/predict/../livez",
        "/livez%20",
        "/..%2f..%2fetc/passwd",
        "/%ff%fe",
        "/%E2%80%AE",
        "/predict;x=1",
        "/whatif//",
        "/movies%0a",
    ),
    *("/" + "a" * 3000, "/static/../../x", "/.git/config", "/%", "/%zz", "/predict%c0%80"),
]
PATHS = [*USUAL * 4, *OTHER, *ODD_PATHS]
METHODS = (
    ["GET"] * 6 + ["POST"] * 6 + ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE", "PROPFIND", "M-SEARCH", "QUERY"]
)
values = st.one_of(
    st.sampled_from(
        [b"", b"x", b"null", b"a" * 64, b"a" * 65, b"a b", b"\xc3\xa9", b"\xff\xfe", b"{}", b"*/*", b"1", b"a,b", b'"', b"\t"]
    ),
    st.binary(max_size=40).map(lambda data: bytes(byte for byte in data if byte >= 32 and byte != 127)),
)
NAMES = [
    *(b"Accept", b"Accept-Encoding", b"Accept-Language", b"Authorization", b"X-API-Key", b"Cookie", b"Origin", b"Referer"),
    *(b"Content-Type", b"Content-Language", b"Range", b"If-None-Match", b"If-Modified-Since", b"User-Agent", b"Via", b"TE"),
    *(b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"Forwarded", b"X-Real-IP", b"X-HTTP-Method-Override"),
    *(b"Access-Control-Request-Method", b"Access-Control-Request-Headers", b"X-Original-URL", b"Traceparent", b"Pragma", b"x"),
    *(b"X-Request-ID", b"X-Request-ID", b"Content-Encoding", b"Proxy-Connection", b"Keep-Alive", b"Max-Forwards", b"Date"),
]
FRAMING = {b"content-length", b"transfer-encoding", b"upgrade", b"host", b"connection", b"expect", b"x-request-id"}
"""Decides where a request ends or what it asks of the connection; not left to chance."""
headers = st.one_of(
    st.tuples(st.sampled_from(NAMES), values),
    st.tuples(st.from_regex(rb"\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}\Z"), values).filter(
        lambda header: header[0].lower() not in FRAMING
    ),
    st.sampled_from([(b"Connection", b"close"), (b"Connection", b"keep-alive"), (b"Expect", b"100-continue"), (b"Expect", b"x")]),
    st.sampled_from(
        [(b"Content-Encoding", b"gzip"), (b"Content-Encoding", b"identity"), (b"Content-Type", b"multipart/form-data")]
    ),
    st.sampled_from([(b"Cookie", b"c" * 9000), (b"X-Long", b"v" * 4000), (b"x", b"y"), (b"x", b"")]),
)
some_headers = st.lists(headers, max_size=6)
UPGRADES = [
    [(b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AA")],
    [(b"Connection", b"upgrade"), (b"Upgrade", b"websocket")],
]
"""Protocols of an `Upgrade`, which the service ignores."""
header_lists = weigh(
    (6, st.just([])),
    (6, some_headers),
    (1, st.lists(headers, max_size=2).map(lambda some: some * 60)),
    (1, st.builds(lambda some, upgrade: some + upgrade, some_headers, st.sampled_from(UPGRADES))),
)


class Body(NamedTuple):
    """The part of a request after its head."""

    number: int
    """Of the request."""
    body: bytes | None
    chunk: int | None
    """Bytes of a chunk; None: it has a length."""


def chunk(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def build(method: str, path: str, query: bytes | None, more: list[tuple[bytes, bytes]], sent: Body) -> Asked:
    """Frame it. Where no id is given, one is, so that answers out of step are noticed."""
    target = path.encode() + (b"" if query is None else b"?" + query)
    lines = [(b"Host", b"api"), *more]
    if not any(name.lower() == b"x-request-id" for name, _ in lines):
        lines.append((b"X-Request-ID", b"n-%d" % sent.number))
    body = b""
    if sent.body is not None:
        body = sent.body if sent.chunk is None else chunk(sent.body, sent.chunk)
        lines.append((b"Content-Length", b"%d" % len(body)) if sent.chunk is None else (b"Transfer-Encoding", b"chunked"))
    head = b"%b %b HTTP/1.1\r\n" % (method.encode(), target) + b"".join(b"%b: %b\r\n" % line for line in lines)
    asked_id = next(value for name, value in lines if name.lower() == b"x-request-id").lstrip(b" \t").decode("latin-1")
    return Asked(head + b"\r\n" + body, method, unquote(path), asked_id if is_harmless(asked_id) else None)


def is_harmless(asked_id: str) -> bool:
    """Return true if the service must echo this X-Request-ID."""
    return 1 <= len(asked_id) <= 64 and asked_id.isascii() and asked_id.replace("-", "a").isalnum()


Strategy = st.SearchStrategy[Any]


def ask(methods: list[str], where: list[str], query: Strategy, body: Strategy) -> Strategy:
    sent = st.builds(Body, st.integers(0, 999_999), body, weigh((3, st.none()), (1, st.sampled_from([1000, 7, 65_536]))))
    return st.builds(build, st.sampled_from(methods), st.sampled_from(where), query, header_lists, sent)


requests = weigh(
    (3, ask(["GET"], ["/predict"], queries, st.none())),
    (3, ask(["POST"], ["/predict", "/whatif"], st.none(), bodies)),
    (2, ask(["GET"], ["/movies"], queries, st.none())),
    (3, ask(METHODS, PATHS, st.none() | queries, st.none() | bodies)),
)
