"""Tests the routes' common parts: FastAPI's routing, methods, the log and the OpenAPI document."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.types import ASGIApp

from serving.http.admission import AdmissionControl
from serving.http.schemas import Movies, Prediction, Predictions, Problem, ValidationProblem, WhatIf
from tests.serving.client import Client
from tests.serving.conftest import World
from tests.serving.http.answers import KEPT, without_ids

pytestmark = pytest.mark.integration


class WithoutShortPath(AdmissionControl):
    """Admission control that leaves GET /predict to FastAPI's routing."""

    def __init__(self, app: ASGIApp, **named: Any) -> None:
        super().__init__(app, **named | {"short": {}})


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


@pytest.mark.parametrize(
    ("path", "allowed"), [("/predict", {"GET", "HEAD", "POST"}), ("/whatif", {"POST"}), ("/movies", {"GET", "HEAD"})]
)
def test_a_405_lists_the_methods_of_the_path(world: World, path: str, allowed: set[str]) -> None:
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


def test_openapi_documents_every_request(world: World) -> None:
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
