"""Tests that the examples of the OpenAPI document fit its schemas and are answered; tests/e2e sends them to a platform."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest

from serving.app import create_app
from serving.settings import Settings
from tests.openapi_examples import JSON, read_requests, read_schema, read_values, validate
from tests.serving.conftest import World
from tests.serving.http.answers import KEPT
from tests.serving.http.fake_service import BASE


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings.model_validate(BASE)).openapi()


def test_every_example_of_an_answer_fits_its_schema(document: dict[str, Any]) -> None:
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for example in read_values(answer.get("content", {}).get(JSON, {})):
                    validate(example, read_schema(document, operation, status))
                    seen.add((method, path, status))
    assert {("get", "/predict", "200"), ("post", "/predict", "422"), ("post", "/whatif", "503")} <= seen


def test_every_example_of_a_field_fits_its_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    fields = [described for schema in schemas.values() for described in schema.get("properties", {}).values()]
    examples = [(example, described) for described in fields for example in read_values(described)]
    assert len(examples) > 20
    for example, described in examples:
        validate(example, {**described, "components": document["components"]})


def test_the_requests_are_made_of_every_example_and_fit_their_schemas(document: dict[str, Any]) -> None:
    requests = list(read_requests(document))
    made = [(request.path, request.status, request.query or request.body) for request in requests]
    assert ("/predict", 200, {"movie_id": "278"}) in made
    assert ("/predict", 422, {"movie_ids": []}) in made
    assert ("/whatif", 200, {"movie_id": 278, "overrides": {"budget_millions": 200.0}}) in made
    assert ("/whatif", 404, {"movie_id": "tt9999999", "overrides": {"budget_millions": 200.0}}) in made
    assert ("/movies", 422, {"query": "shawshank redem", "limit": 51}) in made
    for request in requests:
        if request.status == 200 and request.body is not None:
            content = document["paths"][request.path][request.method]["requestBody"]["content"]
            validate(request.body, {**content[JSON]["schema"], "components": document["components"]})


def test_an_answer_with_another_nested_field_is_noticed(document: dict[str, Any]) -> None:
    request = next(each for each in read_requests(document) if each.path == "/predict" and each.status == 200)
    content = document["paths"]["/predict"]["get"]["responses"]["200"]["content"][JSON]
    answer = next(read_values(content))
    request.check(200, answer)
    with pytest.raises(jsonschema_rs.ValidationError):
        request.check(200, answer | {"model": {"name": "movie-rating", "number": "3"}})
    with pytest.raises(AssertionError):
        request.check(503, answer)


@pytest.mark.integration
def test_a_service_answers_the_requests_as_documented(world: World) -> None:
    """The ids of the examples are replaced with those of a published movie."""
    movie = world.movies[0]
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        for request in read_requests(client.get("/openapi.json").json()):
            text = json.dumps([request.query, request.body]).replace("tt0111161", movie.movie_id)
            query, body = json.loads(re.sub(r"\b(278|680)\b", str(movie.tmdb_id), text))
            address = f"{request.path}?{urlencode(query)}" if query else request.path
            answer = client.get(address) if body is None else client.post(address, body)
            request.check(answer.status_code, answer.json())
