"""Tests that a request is rejected unless it is unambiguous, complete, in time and of limited size."""

import asyncio

import pytest

from infra.docker_filter import request as module
from infra.docker_filter.limits import ByteBudget, Limits, RequestBytes
from infra.docker_filter.policy.errors import Malformed, Rejection, TooBusy, TooLarge, TooSlow
from infra.docker_filter.request import BODY_MAX, HEAD_MAX, Request, read_request
from tests.infra.docker_filter.bodies import SETTINGS


def read(sent: bytes, ended: bool = True, budget: int = 10**6) -> Request | None:
    async def run() -> Request | None:
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        if ended:
            reader.feed_eof()
        return await read_request(reader, RequestBytes(ByteBudget(budget)))

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
def test_a_request_with_two_meanings_is_rejected(sent: bytes) -> None:
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
def test_a_request_that_is_too_large_is_rejected(sent: bytes) -> None:
    with pytest.raises(TooLarge):
        read(sent)


@pytest.mark.parametrize("sent", [b"", b"POST /x HTTP/1.1\r\n", post("Content-Length: 3", body=b"ab")])
def test_a_slow_client_is_rejected(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    with pytest.raises(TooSlow):
        read(sent, ended=False)


def test_a_request_that_exceeds_the_bytes_of_all_requests_is_rejected() -> None:
    with pytest.raises(TooBusy, match="hold 100 bytes, as many as they may"):
        read(post("Content-Length: 200", body=b"a" * 200), budget=100)


def test_bytes_and_connections_are_released() -> None:
    limits = Limits(SETTINGS.model_copy(update={"filter_connections_max": 1, "filter_request_bytes_max": 10}))
    for _ in range(3):
        with limits.connection(), limits.request_bytes() as share:
            share.take(10)
            with pytest.raises(TooBusy, match="1 connections are open"), limits.connection():
                pass
            with pytest.raises(TooBusy), limits.request_bytes() as other:
                other.take(1)
        with limits.rejected_connection() as first, limits.rejected_connection() as second:
            assert (first, second) == (True, False)


def test_a_client_that_connects_and_leaves_is_not_an_error() -> None:
    assert read(b"") is None


def test_a_rejection_does_not_quote_headers() -> None:
    with pytest.raises(Rejection) as rejection:
        read(post("Authorization: canary\x00"))
    assert "canary" not in str(rejection.value)
