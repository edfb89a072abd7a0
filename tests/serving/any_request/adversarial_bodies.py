"""JSON bodies that resemble valid requests, and bytes that resemble JSON."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.serving.any_request.adversarial_text import MOVIES, feature_names, ids, numbers, texts, weigh
from tests.serving.tiny_models import FEATURES

scalars = st.one_of(st.none(), st.booleans(), numbers, ids)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=10
)
given_ids = ids | st.integers(0, 6000) | numbers
batches = st.fixed_dictionaries(
    {"movie_ids": st.lists(given_ids, max_size=20) | st.lists(given_ids | values, max_size=4) | values}
)
sound = st.one_of(
    st.fixed_dictionaries({"movie_ids": st.lists(st.sampled_from(MOVIES) | st.integers(4990, 5060), min_size=1, max_size=30)}),
    st.fixed_dictionaries(
        {
            "movie_id": st.sampled_from(MOVIES) | st.integers(4990, 5060),
            "overrides": st.dictionaries(
                st.sampled_from(FEATURES), st.none() | st.floats(-1e6, 1e6) | st.integers(-1000, 1000), min_size=1, max_size=5
            ),
        }
    ),
)
what_ifs = st.fixed_dictionaries(
    {
        "movie_id": ids | values,
        "overrides": st.dictionaries(feature_names, numbers | st.none(), max_size=5)
        | st.dictionaries(texts, values, max_size=3)
        | values,
    }
)
more = st.builds(lambda one, added: one | added, batches | what_ifs, st.dictionaries(texts, values, max_size=2))
less = st.builds(
    lambda one, name: {k: v for k, v in one.items() if k != name}, what_ifs, st.sampled_from(["movie_id", "overrides"])
)
questions = weigh((6, sound), (2, batches), (2, what_ifs), (1, more), (1, less), (1, values))


def write(value: Any, *, escape: bool, twice: bool, between: str) -> str:
    """As JSON, NaN and Infinity as Python writes them; twice: every name is given two times."""
    if isinstance(value, Mapping):
        pairs = [
            f"{json.dumps(k, ensure_ascii=escape)}:{write(v, escape=escape, twice=twice, between=between)}"
            for k, v in value.items()
        ]
        return "{" + f",{between}".join(pairs * (2 if twice else 1)) + "}"
    if isinstance(value, list):
        return "[" + f",{between}".join(write(v, escape=escape, twice=twice, between=between) for v in value) + "]"
    return json.dumps(value, ensure_ascii=escape)


texts_of_json = st.builds(
    lambda question, escape, twice, between: write(question, escape=escape, twice=twice, between=between),
    questions,
    st.booleans(),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["", "", " ", "\n\t", "/**/", "\u00a0", ","]),
)
usual = texts_of_json.map(lambda text: text.encode("utf-8", "surrogatepass"))
deep = st.builds(
    lambda opening, count, closed: opening * count + (b"1" + (b"]" if opening == b"[" else b"}") * count if closed else b""),
    st.sampled_from([b"[", b'{"a":', b'{"movie_ids":[', b'{"overrides":']),
    st.sampled_from([2, 100, 500, 999, 1000, 1001, 1024, 3000, 4000]),
    st.booleans(),
)
odd = st.sampled_from(
    [
        *(b"", b" ", b"null", b"{}", b"[]", b'"', b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"\0", b"{'movie_id':1}", b"1" * 5000),
        *(b'{"movie_ids":["\\ud800"]}', b'{"movie_ids":["\\u0000"]}', b'{"movie_ids":[1e999]}', b'{"movie_ids":[-0]}', b"-"),
        *(
            b'{"movie_ids":[1],"movie_ids":[2]}',
            b'{"movie_id":1,"overrides":{"x":1,"x":2}}',
            b'{"movie_ids":[1,]}',
            b"movie_ids=1",
        ),
        *(b'{"movie_ids":[' + b",".join([b"1"] * count) + b"]}" for count in (1000, 1001, 10_000)),
        *(
            b'{"movie_ids":["' + b"x" * 65_500 + b'"]}',
            b'{"' + b"x" * 60_000 + b'":1}',
            b'{"movie_id":1,"overrides":{"a":1e-400}}',
        ),
    ]
)


def damage(body: bytes, at: float, what: int, new: bytes) -> bytes:
    """Cut, change or add at a place."""
    place = int(at * len(body))
    return [body[:place], body[:place] + new + body[place + 1 :], body[:place] + new + body[place:]][what]


damaged = st.builds(damage, usual, st.floats(0, 1), st.integers(0, 2), st.binary(min_size=1, max_size=3))
bodies = weigh(
    (10, usual),
    (4, damaged),
    (2, odd),
    (1, deep),
    (1, st.binary(max_size=100)),
    (1, usual.map(lambda body: gzip.compress(body, 1, mtime=0))),
    (1, texts_of_json.map(lambda text: text.encode("utf-16", "surrogatepass"))),
)
