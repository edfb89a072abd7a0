"""Requests for predictions through each entry point of the API, with the answers as bodies of HTTP."""

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
"""Bodies of predictions, by movie."""


def get_each(service: Service, movies: Sequence[str]) -> Answers:
    """Send GET /predict for each movie, one after another over one connection."""
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
    """Send one POST /predict with all movies."""
    status, body = service.ask("/predict", {"movie_ids": list(movies)})
    assert status == 200, body
    return {prediction["movie_id"]: prediction for prediction in body["predictions"]}


def what_if(service: Service, movies: Sequence[str], overrides: dict[str, float | None]) -> Answers:
    """Send POST /whatif for each movie, one after another."""
    found = {}
    for movie in movies:
        status, found[movie] = service.ask("/whatif", {"movie_id": movie, "overrides": overrides})
        assert status == 200, found[movie]
    return found


def call_each(service: Service, movies: Sequence[str]) -> Answers:
    """Call Predict over gRPC for each movie, one after another."""
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        stub = PredictionsStub(channel)  # type: ignore[no-untyped-call]  # generated
        answers = [stub.Predict(messages.PredictRequest(movie_id=movie), timeout=SECONDS) for movie in movies]
    return {answer.movie_id: read_message(answer) for answer in answers}


def call_all(service: Service, movies: Sequence[str]) -> Answers:
    """Call PredictBatch over gRPC once with all movies."""
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        stub = PredictionsStub(channel)  # type: ignore[no-untyped-call]  # generated
        answer = stub.PredictBatch(messages.PredictBatchRequest(movie_ids=movies), timeout=SECONDS)
    return {entry.prediction.movie_id: read_message(entry.prediction) for entry in answer.predictions}


def read_message(message: Any) -> dict[str, Any]:
    """Return a gRPC message in the form of an HTTP body."""
    return {
        "prediction_id": message.prediction_id,
        "deployment": message.deployment,
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
