"""The gRPC door over a real socket: the same answers as over HTTP, statuses, health, and what a hostile caller may send."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.core.requested_id import RequestedId
from serving.features.online_row import build_key, hash_field
from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.marquee_pb2_grpc import PredictionsStub
from serving.grpc_api.server import MESSAGE_BYTES, SERVICE
from serving.prediction.service import PredictionService
from tests.serving.client import Client
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.servers import free_port, wait_until
from tests.serving.tiny_models import FEATURES

pytestmark = pytest.mark.integration

Code: Any = grpc.StatusCode


@dataclass(frozen=True)
class Both:
    """One application, through both doors."""

    http: Client
    channel: Any
    stub: Any

    def call(self, method: str, body: bytes, timeout: float = 5) -> bytes:
        """Send bytes as they are."""
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


def test_all_ways_give_the_same_answers(world: World) -> None:
    world.run("HSET", build_key("movie_id", world.movies[3].movie_id, LIVE), hash_field("movies", FEATURES[0]), b"garbage")
    ids = [str(each) for movie in world.movies for each in (movie.movie_id, movie.tmdb_id)] + ["tt9999999", "999999"]
    with serve(world) as both:
        batch = both.http.post("/predict", {"movie_ids": ids}).json()["predictions"]
        answer = both.stub.PredictBatch(messages.PredictBatchRequest(movie_ids=ids))
        for asked, entry, outcome in zip(ids, batch, answer.predictions, strict=True):
            alone = both.http.get(f"/predict?movie_id={asked}").json()
            if "rating" in alone:
                same = [without_ids(alone), without_ids(entry), as_body(outcome.prediction)]
                same.append(as_body(both.stub.Predict(messages.PredictRequest(movie_id=asked))))
                assert all(each == same[0] for each in same)
            else:
                code = Code.NOT_FOUND if alone["reason"] == "unknown_movie" else Code.UNAVAILABLE
                found = refused(lambda: both.stub.Predict(messages.PredictRequest(movie_id=asked)), code, alone["reason"])  # noqa: B023
                refusal = {"movie_id": asked, "detail": found.details(), "reason": alone["reason"]}
                assert alone["detail"] == found.details()
                assert refusal == entry == MessageToDict(outcome.refusal, preserving_proto_field_name=True)
    assert sum("reason" in entry for entry in batch) == 4


def test_what_if_is_the_same(world: World) -> None:
    question: dict[str, Any] = {"movie_id": world.movies[0].movie_id, "overrides": {FEATURES[0]: 99.0, FEATURES[3]: None}}
    overrides = {FEATURES[0]: messages.Override(value=99.0), FEATURES[3]: messages.Override()}
    with serve(world) as both:
        body = both.http.post("/whatif", question).json()
        answer = both.stub.WhatIf(messages.WhatIfRequest(movie_id=question["movie_id"], overrides=overrides))
    own = {"rating_as_it_is": answer.rating_as_it_is, "overrides": question["overrides"]}
    own["out_of_range"] = [MessageToDict(each, preserving_proto_field_name=True) for each in answer.out_of_range]
    assert as_body(answer.prediction) | own == without_ids(body)
    assert dict(answer.overrides) == overrides


def test_search_is_the_same(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.prediction_set.database.SEARCH_SECONDS", 60)  # a busy machine would cut one of the two short
    world.deployed.predictions(world.movies)
    with serve(world, s3_bucket="bucket") as both:
        body = both.http.get("/movies?query=film&limit=12").json()
        answer = both.stub.SearchMovies(messages.SearchMoviesRequest(query="film", limit=12))
        assert len(both.stub.SearchMovies(messages.SearchMoviesRequest(query="film")).movies) == 10
    found = [{"movie_id": f.movie_id, "tmdb_id": f.tmdb_id, "title": f.title, "year": f.year} for f in answer.movies]
    assert found == body["movies"]
    assert len(found) == 12


def test_the_prediction_set_is_the_same(world: World, tmp_path: Path) -> None:
    world.deployed.predictions(world.movies)
    with serve(world, s3_bucket="bucket") as both:
        world.valkey.stop(signal.SIGKILL)
        body = both.http.get("/predict?movie_id=5003").json()
        answer = both.stub.Predict(messages.PredictRequest(movie_id="5003"))
    assert as_body(answer) == without_ids(body)
    assert answer.degraded


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


def answers(both: Both) -> bool:
    try:
        return bool(both.stub.Predict(messages.PredictRequest(movie_id="5003"), timeout=1).rating)
    except grpc.RpcError:
        return False


@pytest.mark.parametrize(
    "movie_id", ["", " 1", "1e3", "-1", "0", "tt1", str(2**63), "9" * 1000, "\uff11\uff12", "\u202e", "a\0b"]
)
def test_a_malformed_id_is_said_in_the_same_words(world: World, movie_id: str) -> None:
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


def test_other_malformed_questions_are_invalid_arguments(world: World) -> None:
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
def test_bytes_that_are_no_message_are_an_invalid_argument(world: World, body: bytes) -> None:
    with serve(world) as both:
        for method in SERVICE.methods:
            refused(lambda: both.call(method.name, body), Code.INVALID_ARGUMENT, "malformed")  # noqa: B023


def test_an_unknown_field_is_passed_over_as_proto3_has_it(world: World) -> None:
    asked = messages.PredictRequest(movie_id="5003").SerializeToString()
    with serve(world) as both:
        answer = messages.Prediction.FromString(both.call("Predict", asked + b"\x9a\x06\x03abc"))
    assert answer.movie_id == world.movies[3].movie_id


def test_an_oversized_message_is_too_much(world: World) -> None:
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


def test_an_unknown_method_is_said(world: World) -> None:
    with serve(world) as both:
        refused(lambda: both.call("Delete", b""), Code.UNIMPLEMENTED, None)


def test_callers_that_give_up_cost_others_nothing(world: World) -> None:
    """Whoever gives up must not cut the Redis connection that all share."""
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


def test_a_deadline_of_nothing_harms_nobody(world: World) -> None:
    """The caller's own side may be slower to see the deadline than the answer is to come."""
    with serve(world) as both:
        for seconds in (0, -1):
            call = both.stub.Predict.future(messages.PredictRequest(movie_id="5003"), timeout=seconds)
            assert call.code() in {Code.DEADLINE_EXCEEDED, Code.OK}
        assert answers(both)


def test_bytes_that_are_no_http2_harm_nobody(world: World) -> None:
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


def test_the_rate_limit_is_one_for_both_doors(world: World) -> None:
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


def check(both: Both, name: str) -> int:
    answer: int = health_pb2_grpc.HealthStub(both.channel).Check(health_pb2.HealthCheckRequest(service=name)).status
    return answer


def test_health_follows_readiness(world: World) -> None:
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    with serve(world) as both:
        for name in ("", SERVICE.full_name):
            wait_until(lambda: check(both, name) == serving, 5)  # noqa: B023
        world.valkey.send(signal.SIGSTOP)
        wait_until(lambda: check(both, "") == not_serving, 5)
        world.valkey.send(signal.SIGCONT)
        wait_until(lambda: check(both, "") == serving, 5)


def test_reflection_tells_the_services(world: World) -> None:
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    with serve(world) as both:
        (answer,) = reflection_pb2_grpc.ServerReflectionStub(both.channel).ServerReflectionInfo(iter([ask]))
    assert SERVICE.full_name in {service.name for service in answer.list_services_response.service}


def test_a_fault_of_ours_shows_nothing(world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def stumble(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(PredictionService, "predict", stumble)
    with serve(world) as both:
        found = refused(lambda: both.stub.Predict(messages.PredictRequest(movie_id="5003")), Code.INTERNAL, "internal")
    assert "secret detail" not in str(found)
    assert "secret detail" in caplog.text


def test_an_answer_that_was_begun_is_given_before_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
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
