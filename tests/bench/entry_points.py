"""One question through each door of the API, and the answers in one form."""

import http.client
import json
from collections.abc import Sequence
from typing import Any

import grpc

from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.marquee_pb2_grpc import PredictionsStub
from tests.bench.service import Service

SECONDS = 10
Answers = dict[str, dict[str, Any]]
"""Bodies of predictions, by film."""


def get_each(service: Service, movies: Sequence[str]) -> Answers:
    """GET /predict, one after another over one connection."""
    connection, found = http.client.HTTPConnection("127.0.0.1", service.port, timeout=SECONDS), {}
    try:
        for movie in movies:
            connection.request("GET", f"/predict?movie_id={movie}")
            answer = connection.getresponse()
            found[movie] = json.loads(answer.read())
            assert answer.status == 200, found[movie]
    finally:
        connection.close()
    return found


def post_all(service: Service, movies: Sequence[str]) -> Answers:
    """POST /predict, all at once."""
    status, body = service.ask("/predict", {"movie_ids": list(movies)})
    assert status == 200, body
    return {each["movie_id"]: each for each in body["predictions"]}


def what_if(service: Service, movies: Sequence[str], overrides: dict[str, float | None]) -> Answers:
    """POST /whatif, one after another."""
    found = {}
    for movie in movies:
        status, found[movie] = service.ask("/whatif", {"movie_id": movie, "overrides": overrides})
        assert status == 200, found[movie]
    return found


def call_each(service: Service, movies: Sequence[str]) -> Answers:
    """gRPC Predict, one after another."""
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        stub = PredictionsStub(channel)  # type: ignore[no-untyped-call]  # generated
        asked = [stub.Predict(messages.PredictRequest(movie_id=movie), timeout=SECONDS) for movie in movies]
    return {answer.movie_id: read_message(answer) for answer in asked}


def call_all(service: Service, movies: Sequence[str]) -> Answers:
    """gRPC PredictBatch, all at once."""
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        stub = PredictionsStub(channel)  # type: ignore[no-untyped-call]  # generated
        answer = stub.PredictBatch(messages.PredictBatchRequest(movie_ids=movies), timeout=SECONDS)
    return {each.prediction.movie_id: read_message(each.prediction) for each in answer.predictions}


def read_message(message: Any) -> dict[str, Any]:
    """A message of gRPC in the form of HTTP's bodies."""
    return {
        "prediction_id": message.prediction_id,
        "movie_id": message.movie_id,
        "title": message.title if message.HasField("title") else None,
        "rating": message.rating,
        "model": {"name": message.model.name, "version": message.model.version},
        "feature_source": message.feature_source,
        "stale": message.stale,
        "degraded": message.degraded,
        "feature_age_seconds": message.feature_age_seconds,
        "features_as_of": message.features_as_of.ToJsonString(),
    }
