"""Messages of the gRPC API, and bytes that resemble them."""

import math
from typing import Any

from hypothesis import strategies as st

from serving.grpc_api import marquee_pb2 as messages
from tests.serving.any_request.adversarial_text import MOVIES, feature_names, ids, weigh

some_ids = weigh(
    (30, st.lists(ids, max_size=20)),
    (5, st.builds(lambda one, count: [one] * count, st.sampled_from(MOVIES), st.sampled_from([999, 1000, 1001]))),
    (1, st.just(["0" * 10_000] * 7)),
)
doubles = st.floats() | st.sampled_from([math.nan, math.inf, -0.0, 1e39, 5e-324, 3.4028234663852886e38])
overrides = st.builds(lambda value: messages.Override(value=value), st.none() | doubles)
limits = st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(-1, 60)

ASKED: dict[str, st.SearchStrategy[Any]] = {
    "Predict": st.builds(lambda movie_id: messages.PredictRequest(movie_id=movie_id), ids),
    "PredictBatch": st.builds(lambda movie_ids: messages.PredictBatchRequest(movie_ids=movie_ids), some_ids),
    "WhatIf": st.builds(
        lambda movie_id, features: messages.WhatIfRequest(movie_id=movie_id, overrides=features),
        ids,
        st.dictionaries(feature_names, overrides, max_size=6),
    ),
    "SearchMovies": st.builds(lambda query, limit: messages.SearchMoviesRequest(query=query, limit=limit), ids, limits),
}
"""By the name of the method."""


def damage(body: bytes, at: float, what: int, new: bytes) -> bytes:
    place = int(at * len(body))
    return [body[:place], body[:place] + new + body[place + 1 :], body[:place] + new + body[place:], body + body][what]


fields = st.binary(max_size=20) | st.sampled_from(
    [
        b"\x9a\x06\x03abc",
        b"\x0a\x02\xff\xfe",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a\x7f",
        b"\x0b",
        b"\x0c",
        b"\0",
        b"\x12\0",
    ]
)
entries = weigh(
    (
        30,
        st.tuples(
            st.sampled_from(
                ["x-request-id", "x-request-id", "x-api-key", "authorization", "x", "content-encoding", "traceparent"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80).map(str.strip),
        ),
    ),
    (10, st.tuples(st.sampled_from(["x-bin", "x-request-id-bin"]), st.binary(max_size=40))),
    (1, st.sampled_from([("x", "y" * 5_000), ("x", "y" * 40_000)])),
)
metadata = weigh((1, st.just([])), (1, st.lists(entries, max_size=4)))


def calls(method: str) -> st.SearchStrategy[tuple[str, bytes]]:
    """The method and what is sent to it: messages of its own, and what is left of some."""
    whole = ASKED[method].map(lambda message: message.SerializeToString())
    hurt = st.builds(damage, whole, st.floats(0, 1), st.integers(0, 3), fields)
    return st.tuples(st.just(method), weigh((5, whole), (2, hurt), (1, st.binary(max_size=100))))


every_call = st.one_of(*map(calls, ASKED))
other_methods = st.sampled_from(["predict", "Delete", "", "Predict/", "Predict%00", "../Predict", "x" * 300])
FRAMES = [
    *(
        b"\0\0\0\x04\0\0\0\0\0",
        b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\0",
        b"\0\0\x08\x06\0\0\0\0\0" + b"p" * 8,
        b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0",
    ),
    *(
        b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08",
        b"\0\0\x05\0\x01\0\0\0\x01\0\0\0\0\0",
        b"\0\0\x01\x01\x04\0\0\0\x01\x82",
        b"\xff\xff\xff\0\0\0\0\0\0",
    ),
    *(b"\0\0\0\x09\x04\0\0\0\x01", b"\0\0\x08\x07\0\0\0\0\0" + b"\0" * 8, b"\0\0\x05\x02\0\0\0\0\x03\0\0\0\x03\0"),
]
"""Of HTTP/2: settings, ping, window update of nothing, reset, data, headers, one too large, continuation, go away, priority."""
wire_bytes = st.builds(
    lambda preface, frames: preface + b"".join(frames),
    st.sampled_from([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", b"GET / HTTP/1.1\r\n\r\n"]),
    st.lists(st.sampled_from(FRAMES) | st.binary(max_size=40), max_size=8),
)
