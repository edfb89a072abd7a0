"""Unusual ids and texts: rare Unicode, malformed numbers, percent-encodings, repeated parameters."""

from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from tests.serving.tiny_models import FEATURES

MOVIES = [f"tt{1000000 + n}" for n in range(50)] + [str(5000 + n) for n in range(50)]
"""Ids of the movies that are published."""
ODD = [
    *("", " ", "tt", "TT1000000", "tt100000", "tt1000000 ", "tt1000000\n", "tt01234567890", "nm0000151"),
    *("0", "-1", "+1", "007", "1e3", "1.0", "1_000", "0x10", "1,5", str(2**31), str(2**63 - 1), str(2**63), "9" * 400),
    *("nan", "NaN", "Infinity", "true", "null", "None", "[1]", "{}", "[]", "\uff11\uff12", "tt\uff10\u0661\u0662", "\u00b2"),
    *("\0", "tt1000000\0", "\u202e0000001tt", "tt1000000\u200b", "\ufeff1", "\u2028", "\ud7ff", "\U0010ffff", "e\u0301", "\x7f"),
    *(
        "' OR 1=1 --",
        '"',
        "\\",
        "*",
        "a*",
        "title:a",
        "NEAR(a b)",
        "../../etc/passwd",
        "${jndi:ldap://x}",
        "<script>",
        "%",
        "%00",
    ),
    *("%s%n", "a\r\nSet-Cookie: x=1", "\t", "x" * 300, "\u0130", "\ufdfa" * 20, "film 7", "fi\u0142m", "film \u2014"),
]


def weigh(*parts: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of them, each as often as it weighs; `one_of` looks at each once however often it is named."""
    table = [part for weight, part in parts for _ in range(weight)]
    return st.integers(0, len(table) - 1).flatmap(table.__getitem__)


texts = st.text(max_size=30)
ids = weigh(
    (4, st.sampled_from(MOVIES)),
    (2, st.integers(0, 10**10 - 1).map(lambda number: f"tt{number:07d}")),
    (2, st.sampled_from(ODD)),
    (1, st.from_regex(r"\A(tt)?[0-9]{1,20}\s?\Z")),
    (1, texts),
    (
        1,
        st.builds(
            lambda text, odd, at: text[:at] + odd + text[at:], st.sampled_from(MOVIES), st.sampled_from(ODD), st.integers(0, 9)
        ),
    ),
)
feature_names = weigh((6, st.sampled_from(FEATURES)), (1, st.sampled_from(ODD)), (1, texts))
numbers = st.one_of(
    st.integers(),
    st.floats(width=64),
    st.sampled_from([0, -0.0, 1e39, -1e39, 3.4028235e38, 5e-324, 2**53, 2**63, 2**64, 10**308, -(10**400)]),
)

ENCODINGS = [
    lambda text: quote(text, safe=""),
    quote_plus,
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: quote(text, safe="!$'()*+,/:;=?@[]{}|\\^`\"<>~&"),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: quote(text, safe="", encoding="latin-1", errors="replace"),
    lambda text: quote(text, safe="", encoding="utf-16"),
]
pieces = st.builds(lambda encode, text: encode(text).encode(), st.sampled_from(ENCODINGS), st.one_of(ids, texts))
broken = st.sampled_from([b"%", b"%f", b"%zz", b"%ff", b"%c0%af", b"%ed%a0%80", b"%f4%90%80%80", b"%00", b"%u0031", b"+", b"%2B"])
parameter_names = st.sampled_from(
    [
        *(b"movie_id", b"movie_id", b"movie_id", b"query", b"query", b"limit", b"limit", b"movie_id[]", b"movie_id[0]"),
        *(b"MOVIE_ID", b"movie%5Fid", b"movie_id%00", b"id", b"query[]", b"", b"x", b"__proto__", b"movie.id"),
    ]
)
limits = st.one_of(st.integers(-2, 60).map(lambda n: b"%d" % n), st.sampled_from([b"1e1", b"%d" % 2**64, b"9" * 5000, b"%31"]))
parameters = st.one_of(
    st.builds(lambda name, value: name + b"=" + value, parameter_names, pieces | broken | limits),
    st.builds(lambda piece, end: b"movie_id=" + piece + end, pieces, broken),
    parameter_names,
    pieces,
)
sensible = st.one_of(
    st.sampled_from(MOVIES).map(lambda text: b"movie_id=" + text.encode()),
    st.builds(lambda piece, limit: b"query=" + piece + b"&limit=" + limit, pieces, limits),
)
raw = st.binary(max_size=60).map(lambda data: data.translate(None, b"\r\n "))
joined = st.builds(
    lambda parts, join: join.join(parts), st.lists(parameters, max_size=5), st.sampled_from([b"&", b"&", b"&&", b";"])
)
queries = weigh((6, sensible), (4, joined), (1, raw), (1, st.builds(lambda data: b"movie_id=" + data, raw)))
"""Query strings; without blanks and line ends, which would end the address."""
