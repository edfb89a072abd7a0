"""Tests the boundaries of requests over a real socket: a message that a proxy could read otherwise is rejected whole."""

import gzip

import pytest

from tests.serving.http.fake_service import HOST, RESET, SILENCE, FakeService, check_refusal, chunks, post, run, statuses

pytestmark = pytest.mark.integration

HIDDEN = b"GET /movies?hidden HTTP/1.1\r\n" + HOST + b"\r\n"
"""Follows what is asked; a caller hides it there from the proxy, or from us."""
POST = b"POST /predict HTTP/1.1\r\n" + HOST
GET = b"GET /movies HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"

IN_DOUBT = {
    "another coding and a length": POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\nabcd",
    "another coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST_CHUNK,
    "identity and a length": POST + b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd",
    "a blank before the colon": POST + b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n" + LAST_CHUNK,
    "a tab before the coding": POST + b"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n" + LAST_CHUNK,
    "a vertical tab before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n" + LAST_CHUNK,
    "a coding in quotes": POST + b'Transfer-Encoding: "chunked"\r\nContent-Length: 5\r\n\r\n' + LAST_CHUNK,
    "odd case and a length": POST + b"tRANSFER-eNCODING: ChUnKeD\r\nContent-Length: 5\r\n\r\n" + LAST_CHUNK,
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + LAST_CHUNK,
    "chunked in two headers": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK,
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "the same length in a list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length of two words": POST + b"Content-Length: 3 3\r\n\r\nabc",
    "an empty length": POST + b"Content-Length: \r\n\r\n",
    "line feeds alone": b"GET /movies HTTP/1.1\nHost: api\n\n",
    "a line feed in a header": GET + b"x: a\nContent-Length: 60\r\n\r\n",
    "a carriage return in a header": GET + b"x: a\rTransfer-Encoding: chunked\r\n\r\n",
    "line feeds between chunks": CHUNKED + b"3\nabc\n0\n\n",
    "a line feed after an extension": CHUNKED + b"3;a\nabc\r\n" + LAST_CHUNK,
    "a negative chunk": CHUNKED + b"-1\r\nabc\r\n" + LAST_CHUNK,
    "a chunk's size with a prefix": CHUNKED + b"0x3\r\nabc\r\n" + LAST_CHUNK,
    "a chunk beyond 2^64": CHUNKED + b"fffffffffffffffff\r\nabc\r\n" + LAST_CHUNK,
    "a blank before a chunk's size": CHUNKED + b" 3\r\nabc\r\n" + LAST_CHUNK,
    "a blank after a chunk's size": CHUNKED + b"3 \r\nabc\r\n" + LAST_CHUNK,
    "a chunk without an end of line": CHUNKED + b"3\r\nabcXX" + LAST_CHUNK,
    "a blank before the first header": b"GET /movies HTTP/1.1\r\n Host: api\r\n\r\n",
    "a header without a colon": GET + b"nothing\r\n\r\n",
    "a header without a name": GET + b": x\r\n\r\n",
    "HTTP/1.2": b"GET /movies HTTP/1.2\r\n" + HOST + b"\r\n",
    "another coding of an upgrade": POST + H2C + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST_CHUNK,
    "two codings of an upgrade": POST + H2C + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + LAST_CHUNK,
    "tabs between the words": b"GET\t/movies\tHTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("request_", IN_DOUBT.values(), ids=IN_DOUBT)
def test_a_request_with_an_ambiguous_end_is_rejected_with_all_that_follows(request_: bytes) -> None:
    async def scene(world: FakeService) -> None:
        check_refusal(world, await world.say(request_ + HIDDEN), 400, "malformed_request")

    run(scene)


MOVIES, PREDICT = "/movies", "/predict"
IN_NO_DOUBT: dict[str, tuple[bytes, list[tuple[int, str, str]]]] = {
    "another header": (POST + b"Transfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", [(200, PREDICT, "")]),
    "zeros before the length": (POST + b"Content-Length: 0003\r\n\r\nabc", [(200, PREDICT, "")]),
    "an extension of a chunk": (CHUNKED + b"3;a=b\r\nabc\r\n" + LAST_CHUNK, [(200, PREDICT, "")]),
    "a body of a GET": (GET + b"Content-Length: 3\r\n\r\nabc", [(200, MOVIES, "")]),
    "chunks of a GET": (GET + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(b"abc") + LAST_CHUNK, [(200, MOVIES, "")]),
    "a body of a HEAD": (b"HEAD /movies HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", [(405, MOVIES, "")]),
    "a compressed transfer": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks(gzip.compress(b"{}")) + LAST_CHUNK,
        [(415, PREDICT, "")],
    ),
    "an unknown expectation": (POST + b"Expect: 200-maybe\r\nContent-Length: 3\r\n\r\nabc", [(200, PREDICT, "")]),
    "the whole server": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", [(404, "*", "")]),
    "two hosts": (GET + b"Host: evil.example\r\n\r\n", [(200, MOVIES, "")]),
    "a host that is none": (b"GET /movies HTTP/1.1\r\nHost: evil.example/a b@c\r\n\r\n", [(200, MOVIES, "")]),
    "a forwarded host": (GET + b"X-Forwarded-Host: evil.example\r\nX-Original-URL: /livez\r\n\r\n", [(200, MOVIES, "")]),
    "a line after the id": (GET + b"X-Request-ID: mine\r\nSet-Cookie: evil=1\r\n\r\n", [(200, MOVIES, "")]),
    "an upgrade": (GET + H2C + b"\r\n", [(200, MOVIES, "")]),
    "upgrades in a row": ((GET + H2C + b"\r\n") * 500, [(200, MOVIES, "")] * 500),
    "an upgrade with a body": (POST + H2C + b"Content-Length: 3\r\n\r\nabc", [(200, PREDICT, "")]),
    "an upgrade with chunks": (
        POST + H2C + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(b"abc", b"d" * 1000) + LAST_CHUNK,
        [(200, PREDICT, "")],
    ),
    "a WebSocket": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", [(200, MOVIES, "")]),
    "an upgrade of a compressed body": (
        POST + H2C + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        [(415, PREDICT, "")],
    ),
}


@pytest.mark.parametrize("step", [None, 11], ids=["at once", "in small parts"])
@pytest.mark.parametrize(("request_", "expected"), IN_NO_DOUBT.values(), ids=IN_NO_DOUBT)
def test_what_follows_an_odd_request_is_a_request(
    request_: bytes, expected: list[tuple[int, str, str]], step: int | None
) -> None:
    async def scene(world: FakeService) -> None:
        asked = request_ + HIDDEN.replace(b"hidden", b"next") + HIDDEN.replace(HOST, HOST + b"Connection: close\r\n")
        size = max(step or len(asked), len(asked) // 200)
        heard = await world.say(*(asked[at : at + size] for at in range(0, len(asked), size)), pause=0.0005)
        assert not heard.endswith((SILENCE, RESET))
        answered = [(line["status"], line["path"], line["query"]) for line in world.lines]
        assert answered == [*expected, (200, MOVIES, "next"), (200, MOVIES, "hidden")]
        assert b"evil" not in heard

    run(scene)


@pytest.mark.parametrize("step", [None, 7], ids=["at once", "in small parts"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_the_body_of_a_request_for_another_protocol_is_its_body_and_no_request(chunked: bool, step: int | None) -> None:
    """As Java's HttpClient and curl --http2 send it."""

    async def scene(world: FakeService) -> None:
        framing = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % len(HIDDEN)
        asked = POST + H2C + framing + (chunks(HIDDEN) + LAST_CHUNK if chunked else HIDDEN) + GET + b"Connection: close\r\n\r\n"
        heard = await world.say(*(asked[at : at + (step or 9999)] for at in range(0, len(asked), step or 9999)), pause=0.0005)
        assert statuses(heard) == [200, 200]
        assert b'{"length":%d}' % len(HIDDEN) in heard
        assert [line["query"] for line in world.lines] == ["", ""]

    run(scene)


def test_the_body_of_a_request_for_another_protocol_is_bounded_too() -> None:
    async def scene(world: FakeService) -> None:
        check_refusal(
            world, await world.say(POST + H2C + b"Content-Length: 70000\r\n\r\n" + b"b" * 70_000), 413, "body_too_large"
        )

    run(scene)


def test_half_a_body_of_a_request_for_another_protocol_times_out() -> None:
    async def scene(world: FakeService) -> None:
        check_refusal(world, await world.say(POST + H2C + b"Content-Length: 7\r\n\r\nabc"), 408, "request_timeout")

    run(scene)


def test_a_hundred_megabytes_are_cut_off_at_the_first_bytes_too_many() -> None:
    async def scene(world: FakeService) -> None:
        megabyte = chunks(b"m" * 2**20)
        check_refusal(world, await world.say(CHUNKED, *[megabyte] * 100), 413, "body_too_large")

    run(scene)


def test_a_compression_bomb_is_not_unpacked() -> None:
    async def scene(world: FakeService) -> None:
        bomb = gzip.compress(b"0" * 50_000_000)
        assert len(bomb) < 64 * 1024
        check_refusal(world, await world.say(post(bomb, b"Content-Encoding: gzip\r\n")), 415, "encoded_body")
        assert b'{"length":%d}' % len(bomb) in await world.say(post(bomb))  # unnamed, it is bytes like any others

    run(scene)
