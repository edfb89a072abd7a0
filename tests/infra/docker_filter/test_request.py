"""A request is read in one way only, whole, in time and of a bounded size; else the connection ends with a refusal."""

import asyncio

import pytest

from infra.docker_filter import request as module
from infra.docker_filter.errors import Malformed, Refusal, TooLarge, TooSlow
from infra.docker_filter.request import BODY_MAX, HEAD_MAX, Request, read_request


def read(sent: bytes, ended: bool = True) -> Request | None:
    async def run() -> Request | None:
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        if ended:
            reader.feed_eof()
        return await read_request(reader)

    return asyncio.run(run())


def post(*headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join(("POST /x HTTP/1.1", "Host: a", *headers, "", "")).encode() + body


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (post(), b""),
        (post("Content-Length: 3", body=b"abc"), b"abc"),
        (post("Content-Length: 3", body=b"abcGET /y HTTP/1.1\r\n\r\n"), b"abc"),
        (post("Transfer-Encoding: chunked", body=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), b"abc"),
        (post(f"Content-Length: {BODY_MAX}", body=b"a" * BODY_MAX), b"a" * BODY_MAX),
    ],
    ids=["none", "length", "followed by more", "chunked", "largest"],
)
def test_a_plain_request_is_read(sent: bytes, body: bytes) -> None:
    request = read(sent, ended=False)
    assert request is not None
    assert (request.method, request.target, request.body, request.upgrade) == ("POST", "/x", body, False)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (("Connection: Upgrade", "Upgrade: tcp"), True),
        (("Connection: keep-alive, upgrade", "Upgrade: TCP"), True),
        (("Upgrade: tcp",), False),
        (("Connection: Upgrade",), False),
        (("Connection: Upgrade", "Upgrade: h2c"), False),
        (("Connection: Upgrade", "Upgrade: tcp, h2c"), False),
    ],
)
def test_an_upgrade_is_asked_for_by_both_headers(headers: tuple[str, ...], asked: bool) -> None:
    request = read(post(*headers, "Content-Length: 0", body=b"early"), ended=False)
    assert request is not None
    assert (request.upgrade, request.early) == (asked, b"early")


@pytest.mark.parametrize(
    "sent",
    [
        post("Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        post("Transfer-Encoding: chunked", "Content-Length: 3", body=b"0\r\n\r\n"),
        post("Content-Length: 3", "Content-Length: 4", body=b"abcd"),
        post("Content-Length: 3, 4", body=b"abcd"),
        post("Content-Length: -1"),
        post("Content-Length: +3", body=b"abc"),
        post("Content-Length: 0x3", body=b"abc"),
        post("Content-Length : 3", body=b"abc"),
        post("Transfer-Encoding: identity"),
        post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
        post("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
        post("Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
        post("X: a\r\n\tTransfer-Encoding: chunked"),
        post("X: a\nContent-Length: 3"),
        post("X: a\rb"),
        post("X: \x00"),
        post(" Host: b"),
        post("Host: b"),
        post("Transfer-Encoding: chunked", body=b"x\r\n"),
        post("Transfer-Encoding: chunked", body=b"2\r\nabc\r\n0\r\n\r\n"),
        b"POST /x HTTP/1.0\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/2.0\r\nHost: a\r\n\r\n",
        b"POST /x\r\n\r\n",
        b"POST  /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x y HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\nHost: a\n\n",
        b"POST /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Len",
        post("Content-Length: 3", body=b"ab"),
    ],
    ids=lambda sent: repr(sent[17:70]),
)
def test_what_two_servers_may_read_in_two_ways_is_refused(sent: bytes) -> None:
    with pytest.raises(Malformed):
        read(sent)


@pytest.mark.parametrize(
    "sent",
    [
        post("X: " + "a" * HEAD_MAX),
        post(*["X: a"] * HEAD_MAX),
        b"A" * 2 * HEAD_MAX,
        post(f"Content-Length: {BODY_MAX + 1}", body=b"a" * (BODY_MAX + 1)),
        post("Transfer-Encoding: chunked", body=b"10000\r\n" + b"a" * 0x10000 + b"\r\n1\r\na\r\n0\r\n\r\n"),
    ],
    ids=["line", "lines", "no line", "length", "chunks"],
)
def test_what_is_too_large_is_refused(sent: bytes) -> None:
    with pytest.raises(TooLarge):
        read(sent)


@pytest.mark.parametrize("sent", [b"", b"POST /x HTTP/1.1\r\n", post("Content-Length: 3", body=b"ab")])
def test_a_slow_client_is_refused(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    with pytest.raises(TooSlow):
        read(sent, ended=False)


def test_a_client_that_only_knocks_is_no_error() -> None:
    assert read(b"") is None


def test_a_refusal_does_not_quote_headers() -> None:
    with pytest.raises(Refusal) as refusal:
        read(post("Authorization: canary\x00"))
    assert "canary" not in str(refusal.value)
