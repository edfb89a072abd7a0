"""Tests huge and malformed requests over a real socket: each gets its answer and holds a limited amount of memory."""

import json

import pytest

from serving.access.rejections import BODY_BYTES, HEAD_BYTES, MAX_HEADERS
from tests.serving.http.fake_service import (
    CHUNKED,
    GOODBYE,
    HOST,
    LAST,
    RESET,
    SILENCE,
    FakeService,
    Hasty,
    check_refusal,
    chunks,
    post,
    run,
    statuses,
)

pytestmark = pytest.mark.integration


def filled(size: int, unit: int = 80) -> bytes:
    """Headers of so many bytes in all, framing included."""
    whole, rest = divmod(size, unit)
    return b"".join(b"x: " + b"v" * (unit - 5) + b"\r\n" for _ in range(whole)) + b"x: " + b"v" * (rest - 5) + b"\r\n"


TOO_MUCH = {
    "url": (b"GET /movies?" + b"q" * HEAD_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "url_too_long"),
    "64 KB query": (b"GET /predict?movie_id=" + b"1" * 65536 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "url_too_long"),
    "url without end": (b"GET /movies?" + b"q" * 3_000_000, 414, "url_too_long"),
    "101 headers": (b"GET /movies HTTP/1.1\r\n" + b"x: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", 431, "headers_too_large"),
    "1,000 headers": (b"GET /movies HTTP/1.1\r\n" + b"x: y\r\n" * 1000 + b"\r\n", 431, "headers_too_large"),
    "header block": (b"GET /movies HTTP/1.1\r\n" + HOST + filled(HEAD_BYTES) + b"\r\n", 431, "headers_too_large"),
    "one header": (b"GET /movies HTTP/1.1\r\nCookie: " + b"c" * HEAD_BYTES + b"\r\n\r\n", 431, "headers_too_large"),
    "header without end": (b"GET /movies HTTP/1.1\r\nCookie: " + b"c" * 3_000_000, 431, "headers_too_large"),
    "body": (post(b"b" * (BODY_BYTES + 1)), 413, "body_too_large"),
    "body of 5 MB": (post(b"b" * 5_000_000), 413, "body_too_large"),
    "100 MB announced": (b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Length: 100000000\r\n\r\n", 413, "body_too_large"),
    "body of a GET": (
        b"GET /movies HTTP/1.1\r\n" + HOST + b"Content-Length: 70000\r\n\r\n" + b"b" * 70000,
        413,
        "body_too_large",
    ),
    "chunked body": (CHUNKED + chunks(*[b"c" * 1000] * 100), 413, "body_too_large"),
    "chunks of a byte": (CHUNKED + chunks(b"c") * 500_000, 413, "body_too_large"),
    "extensions without end": (CHUNKED + b"1;" + b"e" * 3_000_000, 413, "body_too_large"),
    "trailers without end": (CHUNKED + b"0\r\n" + b"t: railer\r\n" * 300_000, 413, "body_too_large"),
    "expecting to send much": (
        b"POST /predict HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
        413,
        "body_too_large",
    ),
    "gzip": (post(b"\x1f\x8b\x08\0", b"Content-Encoding: gzip\r\n"), 415, "encoded_body"),
    "deflate after identity": (post(b"x", b"Content-Encoding: identity, deflate\r\n"), 415, "encoded_body"),
}
MALFORMED = {
    "nonsense": b"nonsense\r\n\r\n",
    "bytes": bytes(range(256)),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /movies HTTP/9.9\r\n\r\n",
    "unknown method": b"FETCH /movies HTTP/1.1\r\n" + HOST + b"\r\n",
    "lower-case method": b"get /movies HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "no path": b"GET ?movie_id=1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in the path": b"GET /mov ies HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the path": b"GET /mov\0ies HTTP/1.1\r\n" + HOST + b"\r\n",
    "unencoded bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET /movies HTTP/1.1\r\nx: a\0b\r\n\r\n",
    "space before the colon": b"POST /predict HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc",
    "a folded header": b"GET /movies HTTP/1.1\r\nx: a\r\n b\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
    "length and chunks": b"POST /predict HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nabc",
    "chunks and length": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\nabc",
    "two lengths": b"POST /predict HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths in one": b"POST /predict HTTP/1.1\r\nContent-Length: 3, 4\r\n\r\nabcd",
    "negative length": b"POST /predict HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc",
    "length with a sign": b"POST /predict HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
    "length in hexadecimal": b"POST /predict HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc",
    "length beyond 2^64": b"POST /predict HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "chunked twice, not last": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a chunk's size": CHUNKED + b"zz\r\nabc\r\n",
    "a chunk without its end": CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
}


@pytest.mark.parametrize(("request_", "status", "reason"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_requests_over_a_limit_are_rejected(request_: bytes, status: int, reason: str) -> None:
    async def scene(world: FakeService) -> None:
        asked = request_ if status == 415 else request_.replace(b"Connection: close\r\n", b"")  # after a 415 it may go on
        check_refusal(world, await world.say(asked), status, reason)

    run(scene)


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_malformed_http_is_rejected(request_: bytes) -> None:
    async def scene(world: FakeService) -> None:
        check_refusal(world, await world.say(request_), 400, "malformed_request")

    run(scene)


FITS = {
    "url": b"GET /movies?" + b"q" * (HEAD_BYTES - len("/movies?")) + b" HTTP/1.1\r\n" + LAST + b"\r\n",
    "100 headers": b"GET /movies HTTP/1.1\r\n" + LAST + b"x: y\r\n" * (MAX_HEADERS - 2) + b"\r\n",
    "header block": b"GET /movies HTTP/1.1\r\n" + LAST + filled(HEAD_BYTES - len(LAST), 100) + b"\r\n",
    "body": post(b"b" * BODY_BYTES),
    "chunked": CHUNKED + chunks(b"abc", b"d" * 1000) + b"0\r\n\r\n",
    "trailers": CHUNKED + chunks(b"abc") + b"0\r\nt: railer\r\n\r\n",
    "identity": post(b"x", b"Content-Encoding: identity\r\n"),
    "body of a GET": b"GET /movies HTTP/1.1\r\n" + LAST + b"Content-Length: 3\r\n\r\nabc",
    "whole address": b"GET http://elsewhere.example/movies HTTP/1.1\r\n" + LAST + b"\r\n",
    "h2c": b"GET /movies HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
    "WebSocket": b"GET /movies HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "no host": b"GET /movies HTTP/1.1\r\nConnection: close\r\n\r\n",
    "another host": b"GET /movies HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "HTTP/1.0": b"GET /movies HTTP/1.0\r\n\r\n",
    "empty lines first": b"\r\n\r\n" + GOODBYE,
    "a body that it was asked for": post(b"abc", b"Expect: 100-continue\r\n"),
}


@pytest.mark.parametrize("request_", FITS.values(), ids=FITS)
@pytest.mark.parametrize("step", [None, 7], ids=["at once", "in small parts"])
def test_requests_within_the_limits_are_answered(request_: bytes, step: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hasty, "arrival_seconds", 30)  # on a busy machine two hundred parts take their time
    monkeypatch.setattr("tests.serving.http.fake_service.ARRIVAL_SECONDS", 10)

    async def scene(world: FakeService) -> None:
        size = max(step or len(request_), len(request_) // 200)
        heard = await world.say(*(request_[at : at + size] for at in range(0, len(request_), size)), pause=0.0005)
        assert [status for status in statuses(heard) if status != 100] == [200], heard[:300]
        assert not heard.endswith((SILENCE, RESET))
        assert b"evil" not in heard

    run(scene)


def test_a_body_is_asked_for_when_it_is_expected() -> None:
    async def scene(world: FakeService) -> None:
        request = post(b"abc", b"Expect: 100-continue\r\n")
        heard = await world.say(request[:-3], request[-3:], pause=0.1)
        assert statuses(heard) == [100, 200]

    run(scene)


def test_no_forwarded_header_changes_the_callers_address() -> None:
    async def scene(world: FakeService) -> None:
        spoofed = b"X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
        assert statuses(await world.say(b"GET /movies HTTP/1.1\r\n" + spoofed + LAST + b"\r\n")) == [200]
        assert [line["client"] for line in world.lines] == ["127.0.0.1"]

    run(scene)


@pytest.mark.parametrize(
    ("sent", "explanation"),
    [
        ("GET /predict?movie_id=\u00e9 HTTP/1.1\r\n", "its address must be ASCII; percent-encode other characters"),
        ("GET \u00e9 HTTP/1.1\r\n", "its address must be ASCII; percent-encode other characters"),
        ("GET /movies?query=a b HTTP/1.1\r\n", "Expected HTTP/"),
        ("GET /movies HTTP/1.1\r\nA B: c\r\n", "Invalid header token"),
    ],
)
def test_a_malformed_request_gets_an_explanation(sent: str, explanation: str) -> None:
    async def scene(world: FakeService) -> None:
        heard = await world.say(sent.encode() + b"\r\n")
        check_refusal(world, heard, 400, "malformed_request")
        assert explanation in json.loads(heard.partition(b"\r\n\r\n")[2])["detail"]

    run(scene)
