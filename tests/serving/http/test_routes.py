"""POST /predict, POST /whatif and GET /movies, on real servers: answers, refusals, and what a hostile caller may send."""

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import BaseModel
from starlette.types import ASGIApp

from serving.core.requested_id import MAX_TMDB_ID
from serving.features.online_row import build_key, hash_field
from serving.http.admission import AdmissionControl
from serving.http.schemas import Movies, Prediction, Predictions, Problem, Rating, ValidationProblem, WhatIf
from tests.serving.client import Client
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.tiny_models import FEATURES, constant_onnx, train_boosting

pytestmark = pytest.mark.integration

KEPT: dict[str, object] = {"s3_bucket": "bucket"}
"""With a prediction database in the cache; nothing is published to fetch."""


class WithoutShortPath(AdmissionControl):
    """Admission control that leaves GET /predict to FastAPI's routing."""

    def __init__(self, app: ASGIApp, **named: Any) -> None:
        super().__init__(app, **named | {"short": {}})


def refused(answer: httpx.Response, status: int, reason: str) -> Problem:
    body = Problem.model_validate_json(answer.content)
    assert (answer.status_code, body.reason) == (status, reason), answer.text
    assert ("retry-after" in answer.headers) == (status == 503)
    return body


def malformed(answer: httpx.Response, place: list[str | int] | None = None) -> dict[str, Any]:
    body = ValidationProblem.model_validate_json(answer.content)
    assert answer.status_code == 422, answer.text
    assert len(answer.content) < 5000
    assert body.request_id == answer.headers["x-request-id"]
    assert place is None or body.detail[0]["loc"] == place
    return body.detail[0]


def without_ids(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("request_id", "prediction_id", "feature_age_seconds")}


def test_a_batch_gives_each_movie_what_get_gives_it(world: World) -> None:
    ids = [id_ for movie in world.movies for id_ in (movie.movie_id, movie.tmdb_id, str(movie.tmdb_id))]
    with world.serve() as client:
        answer = client.post("/predict", {"movie_ids": ids})
        singly = [client.get(f"/predict?movie_id={each}").json() for each in ids]
        metrics = client.metrics()
    body = Predictions.model_validate_json(answer.content)
    assert (answer.status_code, answer.headers["x-feature-source"]) == (200, "fresh")
    assert [without_ids(entry) for entry in answer.json()["predictions"]] == [without_ids(entry) for entry in singly]
    assert len({entry.prediction_id for entry in body.predictions if isinstance(entry, Rating)}) == len(ids)
    assert f'marquee_predictions_total{{outcome="fresh"}} {2 * len(ids)}.0' in metrics
    assert 'marquee_http_requests_total{route="/predict",status="200"}' in metrics


def test_the_documented_route_answers_as_the_short_path_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"/predict?movie_id={id_}" for id_ in (world.movies[0].movie_id, world.movies[0].tmdb_id, "tt9999999", "tt12")]
    with world.serve() as client:
        short = [client.get(path) for path in paths]
    monkeypatch.setattr("serving.app.PredictEndpoint.__call__", None)  # the short path, were it taken, would raise
    monkeypatch.setattr("serving.http.middleware.AdmissionControl", WithoutShortPath)
    with world.serve() as client:
        routed = [client.get(path) for path in paths]
        metrics = client.metrics()
    assert [answer.status_code for answer in routed] == [200, 200, 404, 422]
    for one, other in zip(short, routed, strict=True):
        assert one.status_code == other.status_code
        assert one.headers.keys() == other.headers.keys()
        assert one.headers.get("x-feature-source") == other.headers.get("x-feature-source")
        if one.status_code != 422:
            assert without_ids(one.json()) == without_ids(other.json())
    assert routed[3].json()["detail"][0]["loc"] == ["query", "movie_id"]
    assert 'marquee_predictions_total{outcome="malformed"} 1.0' in metrics


def test_movies_that_cannot_be_rated_have_the_reason_in_their_place(world: World) -> None:
    one, two, three = (movie.movie_id for movie in world.movies[:3])
    world.run("HSET", build_key("movie_id", two, LIVE), hash_field("movies", FEATURES[0]), b"garbage")
    with world.serve() as client:
        answer = client.post("/predict", {"movie_ids": [one, "tt9999999", 999999, two, three, one]})
        alone = client.get("/predict?movie_id=999999").json()
    entries = answer.json()["predictions"]
    Predictions.model_validate_json(answer.content)
    assert answer.status_code == 200
    assert [entry.get("reason") for entry in entries] == [None, "unknown_movie", "unknown_movie", "corrupt_features", None, None]
    assert [entry["movie_id"] for entry in entries] == [one, "tt9999999", "999999", two, three, one]
    assert entries[2]["detail"] == alone["detail"]


def test_unknown_movies_alone_are_no_503(world: World) -> None:
    with world.serve() as client:
        answer = client.post("/predict", {"movie_ids": ["tt9999999", 999999]})
    assert answer.status_code == 200
    assert "x-feature-source" not in answer.headers
    assert {entry["reason"] for entry in answer.json()["predictions"]} == {"unknown_movie"}


def test_without_redis_a_batch_is_one_503_or_the_snapshot(world: World, tmp_path: Path) -> None:
    movies = world.movies[:3]
    question = {"movie_ids": [movie.movie_id for movie in movies]}
    with world.serve() as client:
        world.valkey.stop(signal.SIGKILL)
        refused(client.post("/predict", question), 503, "feature_store_unavailable")
        refused(
            client.post("/whatif", {"movie_id": movies[0].movie_id, "overrides": {FEATURES[0]: 1}}),
            503,
            "feature_store_unavailable",
        )
    world.deployed.predictions(movies[:2], redis_too=False)
    with world.serve(**KEPT) as client:
        answer = client.post("/predict", question)
        alone = client.get(f"/predict?movie_id={movies[0].movie_id}").json()
    entries = answer.json()["predictions"]
    assert (answer.status_code, answer.headers["x-feature-source"]) == (200, "prediction_set")
    assert without_ids(entries[0]) == without_ids(alone)
    assert [entry.get("degraded") for entry in entries] == [True, True, None]
    assert entries[2]["reason"] == "feature_store_unavailable"


def test_a_paused_redis_is_one_503_while_it_is_paused(world: World) -> None:
    with world.serve(redis_timeout_seconds=0.1) as client:
        question = {"movie_ids": [movie.movie_id for movie in world.movies]}
        assert client.post("/predict", question).status_code == 200
        world.valkey.send(signal.SIGSTOP)
        refused(client.post("/predict", question), 503, "feature_store_unavailable")
        world.valkey.send(signal.SIGCONT)


def test_no_model_is_one_503(world: World) -> None:
    (world.cache / "last_good.json").unlink()
    world.redis.flushall()
    with world.serve() as client:
        refused(client.post("/predict", {"movie_ids": ["tt1000000", 278]}), 503, "no_deployment")
        refused(client.post("/whatif", {"movie_id": "tt1000000", "overrides": {"x": 1}}), 503, "no_deployment")


def test_an_implausible_output_is_refused(world: World) -> None:
    world.deployed.model(constant_onnx(11.0), "4")
    with world.serve() as client:
        refused(client.post("/predict", {"movie_ids": [world.movies[0].movie_id]}), 503, "implausible_rating")


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
def test_a_body_that_is_no_question_is_a_422(world: World, path: str, body: bytes) -> None:
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


def test_a_what_if_is_rated_as_offline(world: World) -> None:
    movie = world.movies[0]
    overrides = {FEATURES[0]: 1.25, FEATURES[3]: None, FEATURES[1]: 99, FEATURES[2]: -3.0}
    changed = {**movie.features, **overrides}
    row = [np.nan if changed[name] is None else changed[name] for name in FEATURES]
    expected = float(train_boosting().predict(np.array([row], np.float32))[0])
    with world.serve() as client:
        answer = client.post("/whatif", {"movie_id": movie.tmdb_id, "overrides": overrides})
        as_it_is = client.get(f"/predict?movie_id={movie.movie_id}").json()
    body = WhatIf.model_validate_json(answer.content)
    assert (answer.status_code, answer.headers["x-feature-source"]) == (200, "fresh")
    assert body.rating == pytest.approx(expected, abs=1e-4)
    assert body.rating_as_it_is == as_it_is["rating"]
    assert body.overrides == overrides
    assert answer.json()["out_of_range"] == [{"feature": FEATURES[1], "value": 99.0, "lowest": -3.0, "highest": 3.0}]
    same = without_ids(answer.json()).keys() - {"rating_as_it_is", "overrides", "out_of_range", "rating"}
    assert {name: answer.json()[name] for name in same} == {name: as_it_is[name] for name in same}


def test_a_what_if_of_stale_features_says_so(world: World) -> None:
    world.deployed.features(LIVE, 50, day=datetime.now(UTC).date() - timedelta(days=3))
    with world.serve() as client:
        answer = client.post("/whatif", {"movie_id": world.movies[0].movie_id, "overrides": {FEATURES[0]: 1}})
    assert (answer.json()["stale"], answer.headers["x-feature-source"]) == (True, "stale")


def test_a_feature_that_the_model_does_not_read_is_named(world: World) -> None:
    with world.serve() as client:
        answer = client.post("/whatif", {"movie_id": world.movies[0].movie_id, "overrides": {"budget": 1e8}})
        refused(client.post("/whatif", {"movie_id": "tt9999999", "overrides": {FEATURES[0]: 1}}), 404, "unknown_movie")
    problem = malformed(answer, ["body", "overrides", "budget"])
    assert problem["type"] == "unknown_feature"
    assert all(name in problem["msg"] for name in ("'budget'", *FEATURES))


@pytest.mark.parametrize("number", ["1e39", "-1e39", "1e400", "NaN", "Infinity", "true", '"1"', "[1]", "1" * 5000])
def test_an_override_that_is_no_number_of_the_models_is_a_422(world: World, number: str) -> None:
    body = f'{{"movie_id": "{world.movies[0].movie_id}", "overrides": {{"{FEATURES[0]}": {number}}}}}'
    with world.serve() as client:
        malformed(client.post("/whatif", body.encode()))


def test_movies_are_found_by_title(world: World, tmp_path: Path) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        found = client.get("/movies?query=film+7")
        limited = client.get("/movies?query=f%C3%ADlm&limit=3")
        nothing = client.get("/movies?query=zzzz")
        metrics = client.metrics()
    body = Movies.model_validate_json(found.content)
    assert (found.status_code, body.movies[0].title) == (200, world.movies[7].title)
    assert (body.movies[0].movie_id, body.movies[0].tmdb_id) == (world.movies[7].movie_id, world.movies[7].tmdb_id)
    assert len(limited.json()["movies"]) == 3
    assert (nothing.status_code, nothing.json()["movies"]) == (200, [])
    assert 'marquee_http_requests_total{route="/movies",status="200"} 3.0' in metrics


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("", "query"),
        ("query=", "query"),
        ("query=+%09", "query"),
        ("query=" + "x" * 201, "query"),
        ("query=" + "x" * 60_000, "query"),
        ("query=a&query=b", "query"),
        ("query[]=a", "query"),
        ("query=a&limit=0", "limit"),
        ("query=a&limit=51", "limit"),
        ("query=a&limit=-1", "limit"),
        ("query=a&limit=1.0", "limit"),
        ("query=a&limit=", "limit"),
        ("query=a&limit=%EF%BC%91", "limit"),
        ("query=a&limit=1&limit=2", "limit"),
        ("query=a&limit=" + "9" * 5000, "limit"),
    ],
)
def test_a_malformed_search_is_a_422(world: World, tmp_path: Path, query: str, place: str) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        malformed(client.get(f"/movies?{query}"), ["query", place])
        metrics = client.metrics()
    assert 'marquee_predictions_total{outcome="malformed"} 0.0' in metrics


@pytest.mark.parametrize(
    "text",
    ['"', "a OR b", "title:x", "NEAR(a b)", "*", "a*b", "'; drop table film", "%00", "%FF%FE", "%E2%80%AE", "(((", "-", "^", "+"],
)
def test_no_text_breaks_the_search(world: World, tmp_path: Path, text: str) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        answer = client.get(f"/movies?query=film+{text}")
    assert answer.status_code == 200, answer.text


def test_without_a_catalogue_a_search_is_a_503(world: World) -> None:
    with world.serve() as client:
        refused(client.get("/movies?query=a"), 503, "no_prediction_set")


@pytest.mark.parametrize(
    ("path", "allowed"), [("/predict", {"GET", "HEAD", "POST"}), ("/whatif", {"POST"}), ("/movies", {"GET", "HEAD"})]
)
def test_a_path_says_which_methods_it_has(world: World, path: str, allowed: set[str]) -> None:
    with world.serve() as client:
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
            assert set(answer.headers["allow"].split(", ")) == allowed
        assert client.request("HEAD", "/predict?movie_id=tt1000000").status_code == 200


def test_the_log_has_the_outcome(world: World, tmp_path: Path) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        client.post("/predict", {"movie_ids": ["tt1000000"]})
        client.post("/predict", {"movie_ids": ["tt1000000", "tt9999999"]})
        client.post("/whatif", {"movie_id": 1, "overrides": {"a": 1}})
        client.get("/movies?query=film")
        client.post("/predict", b"")
    lines = world.log.lines
    assert [line["outcome"] for line in lines] == ["fresh", "mixed", "unknown_movie", "found", "malformed"]


def test_openapi_documents_every_question(world: World) -> None:
    with world.serve() as client:
        document = client.get("/openapi.json").json()
        check_examples(client, document)
    statuses = {
        (path, method): set(found["responses"]) for path, ways in document["paths"].items() for method, found in ways.items()
    }
    assert {"200", "422", "503"} <= statuses["/predict", "post"]
    assert {"200", "404", "422", "503"} <= statuses["/whatif", "post"]
    assert {"200", "422", "503"} <= statuses["/movies", "get"]


def check_examples(client: Client, document: dict[str, Any]) -> None:
    """Every example is what its schema says, and every malformed one is what the service says."""
    bodies: dict[tuple[str, str], dict[str, type[BaseModel]]] = {
        ("/predict", "post"): {"200": Predictions, "422": ValidationProblem, "503": Problem},
        ("/whatif", "post"): {"200": WhatIf, "404": Problem, "422": ValidationProblem, "503": Problem},
        ("/movies", "get"): {"200": Movies, "422": ValidationProblem, "503": Problem},
        ("/predict", "get"): {"200": Prediction, "404": Problem, "422": ValidationProblem, "503": Problem},
    }
    for (path, method), models in bodies.items():
        operation = document["paths"][path][method]
        for status, model in models.items():
            content = operation["responses"][status]["content"]["application/json"]
            assert content["schema"]["$ref"].rsplit("/", 1)[1] == model.__name__
            for example in content["examples"].values():
                model.model_validate_json(json.dumps(example["value"]))
    said = client.post("/predict", {"movie_ids": ["tt0111161", "tt12"]}).json()["detail"]
    shown = document["paths"]["/predict"]["post"]["responses"]["422"]["content"]["application/json"]["examples"]
    assert shown["malformed id"]["value"]["detail"] == said
