"""Request ids, API keys, the rate limit, health and reflection over gRPC."""

import signal
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.server import SERVICE
from tests.serving.conftest import World
from tests.serving.grpc_api.both_protocols import Code, answers, check, refused, serve
from tests.serving.servers import wait_until

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("given", "kept"), [("a", True), ("0-9-A-Z", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("a_b", False)]
)
def test_the_request_id_follows_the_same_rule(world: World, given: str, kept: bool) -> None:
    with serve(world) as both:
        answer, call = both.stub.Predict.with_call(messages.PredictRequest(movie_id="5003"), metadata=[("x-request-id", given)])
        error = refused(
            lambda: both.stub.Predict(messages.PredictRequest(), metadata=[("x-request-id", given)]),
            Code.INVALID_ARGUMENT,
            "malformed",
        )
    assert (answer.request_id == given) == kept
    assert len(answer.request_id) == (len(given) if kept else 32)
    assert dict(call.trailing_metadata())["x-request-id"] == answer.request_id
    assert (dict(error.trailing_metadata())["x-request-id"] == given) == kept
    lines = world.log.lines
    assert [(line["method"], line["path"], line["status"], line["outcome"]) for line in lines] == [
        ("gRPC", f"/{SERVICE.full_name}/Predict", 0, "fresh"),
        ("gRPC", f"/{SERVICE.full_name}/Predict", 3, "malformed"),
    ]
    assert (lines[0]["request_id"] == given) == kept


def test_keys_are_asked_for_as_over_http(world: World, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"ann:{sha256(b'secret').hexdigest()}\n")
    asked = messages.PredictRequest(movie_id="5003")
    with serve(world, api_keys_file=keys) as both:
        assert both.http.get("/predict?movie_id=5003").status_code == 401
        refused(lambda: both.stub.Predict(asked), Code.UNAUTHENTICATED, "unauthorized")
        refused(lambda: both.stub.Predict(asked, metadata=[("x-api-key", "wrong")]), Code.UNAUTHENTICATED, "unauthorized")
        for metadata in ([("x-api-key", "secret")], [("authorization", "Bearer secret")]):
            assert both.stub.Predict(asked, metadata=metadata).rating
        assert check(both, "") == health_pb2.HealthCheckResponse.SERVING
    lines = world.log.lines
    assert [line["client"] for line in lines] == ["127.0.0.1", "127.0.0.1", "127.0.0.1", "ann", "ann"]


def test_http_and_grpc_share_one_rate_limit(world: World) -> None:
    with serve(world, rate_limit="2/hour") as both:
        assert answers(both)
        assert answers(both)
        with pytest.raises(grpc.RpcError) as caught:
            both.stub.Predict(messages.PredictRequest(movie_id="5003"))
        assert both.http.get("/predict?movie_id=5003").status_code == 429
    assert caught.value.code() == Code.RESOURCE_EXHAUSTED
    metadata = dict(caught.value.trailing_metadata())
    assert metadata["reason"] == "rate_limited"
    assert int(metadata["retry-after"]) > 0


def test_health_follows_readiness(world: World) -> None:
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    with serve(world) as both:
        for name in ("", SERVICE.full_name):
            wait_until(lambda: check(both, name) == serving, 5)  # noqa: B023
        world.valkey.send(signal.SIGSTOP)
        wait_until(lambda: check(both, "") == not_serving, 5)
        world.valkey.send(signal.SIGCONT)
        wait_until(lambda: check(both, "") == serving, 5)


def test_reflection_lists_the_services(world: World) -> None:
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    with serve(world) as both:
        (answer,) = reflection_pb2_grpc.ServerReflectionStub(both.channel).ServerReflectionInfo(iter([ask]))
    assert SERVICE.full_name in {service.name for service in answer.list_services_response.service}
