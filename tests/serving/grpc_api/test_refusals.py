"""Tests gRPC's rejections over a real socket: the status, the reason, and the same text as HTTP."""

import signal

import grpc
import pytest

from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.server import MESSAGE_BYTES, SERVICE
from tests.serving.conftest import World
from tests.serving.grpc_api.both_protocols import Code, answers, refused, serve
from tests.serving.servers import wait_until
from tests.serving.tiny_models import FEATURES

pytestmark = pytest.mark.integration


def test_without_redis_and_prediction_set_it_is_unavailable_while_redis_is_paused(world: World) -> None:
    with serve(world, redis_timeout_seconds=0.1) as both:
        world.valkey.send(signal.SIGSTOP)
        for _ in range(3):
            refused(
                lambda: both.stub.Predict(messages.PredictRequest(movie_id="5003")), Code.UNAVAILABLE, "feature_store_unavailable"
            )
        batch = messages.PredictBatchRequest(movie_ids=["5003", "5004"])
        refused(lambda: both.stub.PredictBatch(batch), Code.UNAVAILABLE, "feature_store_unavailable")
        world.valkey.send(signal.SIGCONT)
        wait_until(lambda: answers(both), 5)


@pytest.mark.parametrize(
    "movie_id", ["", " 1", "1e3", "-1", "0", "tt1", str(2**63), "9" * 1000, "\uff11\uff12", "\u202e", "a\0b"]
)
def test_a_malformed_id_gets_the_text_of_http(world: World, movie_id: str) -> None:
    with serve(world) as both:
        said = both.http.get("/predict?movie_id=x").json()["detail"][0]["msg"]
        single = refused(
            lambda: both.stub.Predict(messages.PredictRequest(movie_id=movie_id)), Code.INVALID_ARGUMENT, "malformed"
        )
        batch = messages.PredictBatchRequest(movie_ids=["1", movie_id])
        many = refused(lambda: both.stub.PredictBatch(batch), Code.INVALID_ARGUMENT, "malformed")
        metrics = both.http.metrics()
    assert single.details() == said
    assert many.details() == f"movie_ids.1: {said}"
    assert 'marquee_predictions_total{outcome="malformed"} 3.0' in metrics
    assert 'marquee_grpc_calls_total{code="INVALID_ARGUMENT",method="Predict"} 1.0' in metrics


def test_other_malformed_requests_are_invalid_arguments(world: World) -> None:
    movie = world.movies[0].movie_id
    nan = messages.Override(value=float("nan"))
    with serve(world) as both:
        for method, question, word in (
            ("PredictBatch", messages.PredictBatchRequest(), "movie_ids"),
            ("PredictBatch", messages.PredictBatchRequest(movie_ids=["1"] * 1001), "movie_ids"),
            ("WhatIf", messages.WhatIfRequest(movie_id=movie), "overrides"),
            ("WhatIf", messages.WhatIfRequest(movie_id=movie, overrides={FEATURES[0]: nan}), FEATURES[0]),
            ("WhatIf", messages.WhatIfRequest(movie_id=movie, overrides={"budget": messages.Override(value=1)}), "'budget'"),
            ("SearchMovies", messages.SearchMoviesRequest(), "query"),
            ("SearchMovies", messages.SearchMoviesRequest(query="x" * 201), "query"),
            ("SearchMovies", messages.SearchMoviesRequest(query="a", limit=0), "limit"),
            ("SearchMovies", messages.SearchMoviesRequest(query="a", limit=-(2**31)), "limit"),
        ):
            found = refused(lambda: getattr(both.stub, method)(question), Code.INVALID_ARGUMENT, "malformed")  # noqa: B023
            assert word in found.details()
            assert len(found.details()) < 1000


@pytest.mark.parametrize(
    "body", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x0a" * 1000, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
)
def test_an_invalid_message_is_an_invalid_argument(world: World, body: bytes) -> None:
    with serve(world) as both:
        for method in SERVICE.methods:
            refused(lambda: both.call(method.name, body), Code.INVALID_ARGUMENT, "malformed")  # noqa: B023


def test_an_unknown_field_is_passed_over_as_proto3_has_it(world: World) -> None:
    asked = messages.PredictRequest(movie_id="5003").SerializeToString()
    with serve(world) as both:
        answer = messages.Prediction.FromString(both.call("Predict", asked + b"\x9a\x06\x03abc"))
    assert answer.movie_id == world.movies[3].movie_id


def test_an_oversized_message_is_resource_exhausted(world: World) -> None:
    large = messages.PredictBatchRequest(movie_ids=["x" * MESSAGE_BYTES])
    with serve(world) as both:
        refused(lambda: both.stub.PredictBatch(large), Code.RESOURCE_EXHAUSTED, None)
        bomb = messages.PredictBatchRequest(movie_ids=["0" * 20_000_000])
        refused(lambda: both.stub.PredictBatch(bomb, compression=grpc.Compression.Gzip), Code.RESOURCE_EXHAUSTED, None)
        refused(
            lambda: both.stub.Predict(messages.PredictRequest(movie_id="1"), metadata=[("x", "y" * 40_000)]),
            Code.RESOURCE_EXHAUSTED,
            None,
        )
        assert answers(both)


def test_an_unknown_method_is_unimplemented(world: World) -> None:
    with serve(world) as both:
        refused(lambda: both.call("Delete", b""), Code.UNIMPLEMENTED, None)
