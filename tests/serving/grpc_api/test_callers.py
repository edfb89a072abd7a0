"""Tests that gRPC calls that are cancelled, malformed or late disturb no others, and that internal errors show no details."""

import asyncio
import socket
import threading
import time
from contextlib import suppress

import grpc
import pytest

from serving.core.requested_id import RequestedId
from serving.grpc_api import marquee_pb2 as messages
from serving.prediction.service import PredictionService
from tests.serving.conftest import World
from tests.serving.grpc_api.both_protocols import Code, answers, refused, serve, stub_of
from tests.serving.servers import free_port

pytestmark = pytest.mark.integration


def test_cancelled_calls_do_not_disturb_others(world: World) -> None:
    """A cancelled call must not close the Redis connection that all calls share."""
    asked = messages.PredictRequest(movie_id="5003")
    failed = []
    with serve(world) as both:
        assert answers(both)
        over = threading.Event()

        def give_up() -> None:
            while not over.is_set():
                for seconds in (0, 0.0003, 0.001):
                    call = both.stub.Predict.future(asked, timeout=seconds)
                    time.sleep(seconds)
                    call.cancel()

        thread = threading.Thread(target=give_up)
        thread.start()
        for n in range(300):
            answer = both.http.get(f"/predict?movie_id={5000 + n % 50}")
            if answer.status_code != 200:
                failed.append(answer.text)
        over.set()
        thread.join()
        assert answers(both)
        metrics = both.http.metrics()
    assert not failed
    assert "marquee_grpc_calls_total{" in metrics


def test_a_zero_deadline_does_not_disturb_others(world: World) -> None:
    """The caller's own side may be slower to see the deadline than the answer is to come."""
    with serve(world) as both:
        for seconds in (0, -1):
            call = both.stub.Predict.future(messages.PredictRequest(movie_id="5003"), timeout=seconds)
            assert call.code() in {Code.DEADLINE_EXCEEDED, Code.OK}
        assert answers(both)


def test_invalid_http2_does_not_disturb_others(world: World) -> None:
    port = free_port()
    with world.serve(grpc_port=port) as client:
        for body in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 10_000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000):
            # The server may close the connection before all is sent.
            with socket.create_connection(("127.0.0.1", port), 5) as raw, suppress(OSError):
                raw.sendall(body)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(4096):
                    pass
        assert client.get("/predict?movie_id=5003").status_code == 200
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert stub_of(channel).Predict(messages.PredictRequest(movie_id="5003"), timeout=5, wait_for_ready=True).rating


def test_an_internal_error_shows_no_details(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(PredictionService, "predict", stumble)
    with serve(world) as both:
        found = refused(lambda: both.stub.Predict(messages.PredictRequest(movie_id="5003")), Code.INTERNAL, "internal")
    assert "secret detail" not in str(found)
    assert "secret detail" in caplog.text


def test_a_begun_call_is_answered_before_the_shutdown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, predict, port = threading.Event(), PredictionService.predict, free_port()

    async def linger(service: PredictionService, movie_id: RequestedId, endpoint: str) -> object:
        begun.set()
        await asyncio.sleep(0.5)
        return await predict(service, movie_id, endpoint)

    monkeypatch.setattr(PredictionService, "predict", linger)
    asked = messages.PredictRequest(movie_id="5003")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        with world.serve(grpc_port=port):
            call = stub_of(channel).Predict.future(asked, wait_for_ready=True)
            assert begun.wait(5)
        assert call.result(5).rating
        refused(lambda: stub_of(channel).Predict(asked, timeout=5), Code.UNAVAILABLE, None)


def test_a_taken_port_stops_the_start(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"), world.serve(grpc_port=port):
            pass
