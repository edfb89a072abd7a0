"""Tests malformed bodies of POST /predict and POST /whatif: a 422 names the place of the problem."""

import pytest

from serving.core.requested_id import MAX_TMDB_ID
from tests.serving.conftest import World
from tests.serving.http.answers import malformed

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("path", ["/predict", "/whatif"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"tt0111161"',
        b'{"movie_ids":[NaN]}',
        b'{"movie_id":1,"movie_id":1}',
        b"\xff\xfe",
        b"[" * 60_000,
        b"\x1f\x8b" + b"\0" * 100,
        b'{"movie_ids":["\\ud800"]}',
        b"movie_ids=tt0111161",
        b'{"\\ud800":1}',
        b'{"a":' * 998 + b"1" + b"}" * 998,
    ],
)
def test_a_malformed_body_is_a_422(world: World, path: str, body: bytes) -> None:
    with world.serve() as client:
        assert malformed(client.post(path, body))["loc"][0] == "body"
        metrics = client.metrics()
    assert 'marquee_predictions_total{outcome="malformed"} 1.0' in metrics


@pytest.mark.parametrize(
    "wrong", [True, 1.5, 0, -1, 2**63, 10**300, " 1", "\uff11\uff12", "tt1\0", "\u202e", None, [[]], {"a": {}}, "x" * 60_000]
)
def test_a_malformed_id_names_its_place(world: World, wrong: object) -> None:
    with world.serve() as client:
        malformed(client.post("/predict", {"movie_ids": [1, MAX_TMDB_ID, wrong]}), ["body", "movie_ids", 2])
        malformed(client.post("/whatif", {"movie_id": wrong, "overrides": {"a": 1}}), ["body", "movie_id"])


def test_too_many_ids_are_a_422(world: World) -> None:
    with world.serve() as client:
        malformed(client.post("/predict", {"movie_ids": [1] * 1001}), ["body", "movie_ids"])
        malformed(client.post("/predict", {"movie_ids": ["tt0111161"] * 1_000_000}), ["body", "movie_ids"])
        malformed(client.post("/predict", {"movie_ids": []}), ["body", "movie_ids"])
