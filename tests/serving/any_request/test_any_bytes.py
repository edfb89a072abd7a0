"""Sends damaged requests: each gets an answer of the service, and the connection ends."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.serving.any_request import outcome_counts
from tests.serving.any_request.adversarial_requests import Asked, requests
from tests.serving.any_request.adversarial_text import weigh
from tests.serving.any_request.conftest import Served
from tests.serving.any_request.wire import Gone, Wire

pytestmark = pytest.mark.integration

PART = "bytes"
END = b"\r\n\r\n" + b"\0" * 70_000
"""Whatever was begun is ended by this, or is more than is taken: nothing can go on waiting for more."""
SECONDS = 0.003
INTERIM = b"HTTP/1.1 100 Continue"
"""An invitation to go on sending."""
SPLICES = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b":", b": ", b"?", b"#", b"%", b"//", b"*", b"\xff", b"\x80", b";"),
    *(b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"HTTP/0.9", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT a:1", b"GET http://x/"),
    *(b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: 99999999999999999999\r\n", b"Content-Length: -1\r\n"),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"0\r\n\r\n",
        b"ff\r\n",
    ),
    *(
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
        b"Expect: 100-continue\r\n",
    ),
    *(
        b"Host: \r\n",
        b"Host: a\r\nHost: b\r\n",
        b"x" * 9000,
        b"x: y\r\n" * 101,
        b"X-Request-ID: a\r\n",
        b" folded\r\n",
        b"Trailer: x\r\n",
    ),
]


def damage(asked: list[Asked], at: list[float], how: list[int], new: list[bytes]) -> bytes:
    """Requests in a row, cut, changed, doubled and added to at some places."""
    data = b"".join(each.data for each in asked)
    for part, what, splice in zip(at, how, new, strict=True):
        place = int(part * len(data))
        before, after = data[:place], data[place:]
        data = [
            before,
            before + splice + after,
            before + splice + after[1:],
            before + after[len(splice) :],
            before + before + after,
        ][what]
    return data[:200_000].replace(b"HEAD ", b"GET ")  # whose answers would have no bodies


def lists(of: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=count, max_size=count)


damaged = st.integers(1, 4).flatmap(
    lambda count: st.builds(
        damage,
        st.lists(requests, min_size=1, max_size=3),
        lists(st.floats(0, 1) | st.floats(0, 0.1), count),
        lists(st.integers(0, 4), count),
        lists(st.sampled_from(SPLICES) | st.binary(max_size=4), count),
    )
)
noise = st.binary(min_size=1, max_size=300)


def test_any_bytes_are_answered_and_cut_off(served: Served, until_enough: Callable[..., None]) -> None:
    def make(how: settings) -> Any:
        @how
        @given(weigh((9, damaged), (1, noise)))
        def play(data: bytes) -> None:
            note(repr(data[:2000]))
            wire = Wire(served.port)
            try:
                say(served, wire, data)
            finally:
                wire.close()

        return play

    until_enough(PART, make)


def say(served: Served, wire: Wire, data: bytes) -> None:
    """Send the bytes and read the answers; then send END and read the rest."""
    ended, answered = False, 0
    try:
        wire.send(data)
        while True:
            heard = b"" if ended else wire.peek(SECONDS)
            if heard is None or INTERIM in heard:
                ended = True
                wire.send(END)
            answer = wire.read("GET")
            answered += 1
            outcome_counts.note(PART, answer.status)
            served.contract.check_any(answer)
            if answer.closes:
                wire.read_rest()
                return
    except Gone:
        assert answered or asks_for_the_end(data), data


def asks_for_the_end(data: bytes) -> bool:
    """Then what follows it may be unread when the connection is closed, and the answer be lost on its way."""
    return b"close" in data.lower() or b"HTTP/1.0" in data
