"""gRPC over a real socket gives the same answers as HTTP."""

import signal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from serving.features.online_row import build_key, hash_field
from serving.grpc_api import marquee_pb2 as messages
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.grpc_api.both_protocols import Code, as_body, refused, serve, without_ids
from tests.serving.tiny_models import FEATURES

pytestmark = pytest.mark.integration


def test_http_and_grpc_give_the_same_answers(world: World) -> None:
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
