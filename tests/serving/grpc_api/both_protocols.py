"""Starts one application with HTTP and gRPC, and compares the answers of both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.marquee_pb2_grpc import PredictionsStub
from serving.grpc_api.server import SERVICE
from tests.serving.client import Client
from tests.serving.conftest import World
from tests.serving.servers import free_port

Code: Any = grpc.StatusCode


@dataclass(frozen=True)
class Both:
    """One application with a client of each protocol."""

    http: Client
    channel: Any
    stub: Any

    def call(self, method: str, body: bytes, timeout: float = 5) -> bytes:
        """Send these bytes as the message of a call."""
        answer: bytes = self.channel.unary_unary(f"/{SERVICE.full_name}/{method}")(body, timeout=timeout)
        return answer


def stub_of(channel: grpc.Channel) -> Any:
    return PredictionsStub(channel)  # type: ignore[no-untyped-call]  # it is generated


@contextmanager
def serve(world: World, **changes: object) -> Iterator[Both]:
    port = free_port()
    with world.serve(grpc_port=port, **changes) as client, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(10)
        yield Both(client, channel, stub_of(channel))


def refused(call: Callable[[], object], code: grpc.StatusCode, reason: str | None) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == code, caught.value
    metadata = dict(caught.value.trailing_metadata() or ())
    assert metadata.get("reason") == reason
    assert ("retry-after" in metadata) == (code == Code.UNAVAILABLE and reason is not None)
    assert "Traceback" not in caught.value.details()
    return caught.value


def as_body(message: Any) -> dict[str, Any]:
    """The message as the HTTP body that says the same, but for the ids."""
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    found = {"title": None} | found
    age = found.pop("feature_age_seconds")
    assert int(age) >= 0  # protobuf writes 64 bits as text
    found["deployment"] = int(found["deployment"])
    return without_ids(found)


def without_ids(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("request_id", "prediction_id", "feature_age_seconds")}


def answers(both: Both) -> bool:
    try:
        return bool(both.stub.Predict(messages.PredictRequest(movie_id="5003"), timeout=1).rating)
    except grpc.RpcError:
        return False


def check(both: Both, name: str) -> int:
    answer: int = health_pb2_grpc.HealthStub(both.channel).Check(health_pb2.HealthCheckRequest(service=name)).status
    return answer
