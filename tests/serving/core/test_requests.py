"""Tests the problems of malformed requests: each names its place, and none repeats the whole request."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.requested_id import MAX_TMDB_ID, RequestedId
from serving.core.requests import MOST_PROBLEMS, ApiRequest, BatchRequest, MalformedRequest, SearchRequest, WhatIfRequest

IDS: dict[str, Any] = {"movie_ids": ["tt0111161"]}
WHAT_IF: dict[str, Any] = {"movie_id": 278, "overrides": {"budget_millions": 200}}
TEXTS = [
    "",
    " 1",
    "1e3",
    "-1",
    "0",
    "0x1",
    "tt1",
    "TT0111161",
    "tt0111161\n",
    "\0",
    "\u202e278",
    "\u0661",
    "\uff11",
    "x" * 70_000,
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["movie_ids", "overrides"]), inner),
)


def test_ids_keep_their_order_and_may_repeat() -> None:
    question = BatchRequest.check({"movie_ids": ["tt0111161", 278, "680", 278, MAX_TMDB_ID]})
    tmdb = [RequestedId(tmdb_id=number) for number in (278, 680, 278, MAX_TMDB_ID)]
    assert question.movie_ids == [RequestedId(movie_id="tt0111161"), *tmdb]


@pytest.mark.parametrize(
    "wrong",
    [True, False, None, 1.0, 278.0, 0, -1, 2**63, 10**400, [], ["tt0111161"], {}, {"tmdb": 1}, *TEXTS],
)
def test_a_malformed_id_is_named_by_its_place(wrong: object) -> None:
    with pytest.raises(MalformedRequest) as caught:
        BatchRequest.check({"movie_ids": ["tt0111161", wrong]})
    (problem,) = caught.value.problems
    assert problem["loc"] == ["movie_ids", 1]
    assert "Give an IMDb id" in problem["msg"]
    assert len(json.dumps(problem)) < 1000
    with pytest.raises(MalformedRequest):
        WhatIfRequest.check(WHAT_IF | {"movie_id": wrong})


@pytest.mark.parametrize(
    ("kind", "given", "place"),
    [
        (BatchRequest, {}, ["movie_ids"]),
        (BatchRequest, {"movie_ids": []}, ["movie_ids"]),
        (BatchRequest, {"movie_ids": "tt0111161"}, ["movie_ids"]),
        (BatchRequest, {"movie_ids": {"0": "tt0111161"}}, ["movie_ids"]),
        (BatchRequest, {"movie_ids": ["tt0111161"] * 1001}, ["movie_ids"]),
        (BatchRequest, {"movie_ids": ["tt0111161"] * 1_000_000}, ["movie_ids"]),
        (BatchRequest, IDS | {"limit": 1}, ["limit"]),
        (BatchRequest, ["tt0111161"], []),
        (BatchRequest, "tt0111161", []),
        (BatchRequest, None, []),
        (WhatIfRequest, WHAT_IF | {"overrides": {}}, ["overrides"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {str(n): 1 for n in range(101)}}, ["overrides"]),
        (WhatIfRequest, WHAT_IF | {"overrides": [1]}, ["overrides"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": True}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": "1"}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": [1]}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": float("nan")}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": float("-inf")}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": 3.5e38}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"a": -(10**400)}}, ["overrides", "a"]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"": 1.0}}, ["overrides", ""]),
        (WhatIfRequest, WHAT_IF | {"overrides": {"[key]": "1"}}, ["overrides", "[key]"]),
        (WhatIfRequest, {"overrides": {"a": 1.0}}, ["movie_id"]),
        (SearchRequest, {}, ["query"]),
        (SearchRequest, {"query": ""}, ["query"]),
        (SearchRequest, {"query": " \t\u3000"}, ["query"]),
        (SearchRequest, {"query": "x" * 201}, ["query"]),
        (SearchRequest, {"query": "x", "limit": 0}, ["limit"]),
        (SearchRequest, {"query": "x", "limit": 51}, ["limit"]),
        (SearchRequest, {"query": "x", "limit": "5"}, ["limit"]),
        (SearchRequest, {"query": "x", "limit": 2**63}, ["limit"]),
    ],
)
def test_what_is_wrong_is_named_by_its_place(kind: type[ApiRequest], given: object, place: list[str | int]) -> None:
    with pytest.raises(MalformedRequest) as caught:
        kind.check(given)
    assert [problem["loc"] for problem in caught.value.problems] == [place]
    assert len(json.dumps(caught.value.problems)) < 1000
    assert str(caught.value).startswith(".".join(map(str, place)))


def test_overrides_are_numbers_or_unknown() -> None:
    overrides: dict[str, float | None] = {"a": 0, "b": -1.5, "c": None, "d": 10**24, "e": 3.4028234663852886e38}
    assert WhatIfRequest.check(WHAT_IF | {"overrides": overrides}).overrides == overrides | {"d": 1e24}


def test_only_the_first_problems_are_listed() -> None:
    with pytest.raises(MalformedRequest) as caught:
        BatchRequest.check({"movie_ids": ["x" * 60] * 1000})
    assert len(caught.value.problems) == MOST_PROBLEMS


@given(anything)
@pytest.mark.parametrize("kind", [BatchRequest, WhatIfRequest, SearchRequest])
def test_any_value_is_a_request_or_malformed(kind: type[ApiRequest], given: object) -> None:
    with suppress(MalformedRequest):
        assert isinstance(kind.check(given), kind)
