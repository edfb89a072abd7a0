"""Tests the middleware of every request: ids, headers, log lines, internal errors; and its OpenAPI document."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from serving.access.rejections import OVERLOADED, REASONS
from serving.app import create_app
from serving.core.requested_id import MalformedQuery, parse_query
from serving.core.requests import LARGEST_NUMBER
from serving.deployments.watcher import DeploymentWatcher
from serving.http.openapi.middleware import RejectionBody
from serving.http.schemas import Prediction, Problem, ValidationProblem
from serving.settings import Settings
from serving.telemetry import log_writer
from serving.telemetry.log_writer import LogWriter
from tests.serving.client import Client, run_app
from tests.serving.log import Log

pytestmark = pytest.mark.integration  # the background tasks knock at ports where nothing listens

SETTINGS = {"redis_url": "redis://127.0.0.1:9/0", "mlflow_tracking_uri": "http://127.0.0.1:9", "grpc_port": 0}


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.close()


@pytest.fixture
def client(tmp_path: Path, log: Log) -> Iterator[Client]:
    """An application that can reach nothing."""
    with run_app(create_app(Settings.model_validate(SETTINGS | {"deployment_cache_dir": tmp_path}), log)) as client:
        yield client


def test_without_any_store_it_lives_and_names_what_is_missing(client: Client) -> None:
    assert client.get("/livez").json() == {"alive": True}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (503, ["model", "feature_store"])
    assert client.get("/predict?movie_id=tt0111161").status_code == 503
    assert client.get("/metrics").status_code == 404  # they have a port of their own


@pytest.mark.parametrize("given", ["a", "0-9-A-Z", "x" * 64])
def test_a_harmless_request_id_is_kept(client: Client, given: str) -> None:
    answer = client.get("/predict?movie_id=tt0111161", {"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 65, "a_b", "a\r\nSet-Cookie: x", "a\n", "a\0", "\u00e9", '"', "${jndi}"])
def test_any_other_request_id_is_replaced(client: Client, given: str) -> None:
    answer = client.get("/predict?movie_id=tt0111161", {b"X-Request-ID": given.encode()})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/predict?movie_id=x", "/livez", "/readyz", "/openapi.json", "/nothing"])
def test_every_answer_carries_the_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-request-id"]
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_a_probe_may_ask_for_the_head_alone(client: Client) -> None:
    assert [client.request("HEAD", path).status_code for path in ("/livez", "/readyz")] == [200, 503]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(client: Client, method: str) -> None:
    answer = client.request(method, "/predict?movie_id=tt0111161")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


def test_the_access_log_is_json_lines_without_the_machines(client: Client, log: Log) -> None:
    for path in ("/predict?movie_id=%0a%22", "/nothing", "/livez", "/readyz"):
        client.get(path, {"X-Request-ID": "mine"})
    lines = log.lines
    assert [(line["path"], line["status"], line["outcome"]) for line in lines] == [
        ("/predict", 422, "malformed"),
        ("/nothing", 404, None),
    ]
    assert {line["request_id"] for line in lines} == {"mine"}
    assert all(line["ms"] >= 0 for line in lines)


def test_a_full_disk_loses_log_lines_but_no_answer(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        writer = LogWriter(full)
        with run_app(create_app(Settings.model_validate(SETTINGS | {"deployment_cache_dir": tmp_path}), writer)) as client:
            assert client.get("/predict").status_code == 422
            assert client.get("/predict").status_code == 422
            assert writer.flush()
            assert "marquee_log_lines_dropped_total 2.0" in client.metrics()
        writer.close()
        full.raw.close()  # what the buffer holds has nowhere to go


def test_a_blocked_log_loses_lines_but_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MAX_LINES", 300)
    reader, end = os.pipe()
    with os.fdopen(end, "wb") as pipe, os.fdopen(reader, "rb") as late:  # closed first, so that a failure does not wait for it
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        writer = LogWriter(pipe)
        with run_app(create_app(Settings.model_validate(SETTINGS | {"deployment_cache_dir": tmp_path}), writer)) as client:
            asked = 3 * log_writer.MAX_LINES  # the queue holds that many lines once, and the thread once more
            for _ in range(asked):
                assert client.get("/predict").status_code == 422
            assert not writer.flush(0.2)
            assert writer.dropped > 0
            assert f"marquee_log_lines_dropped_total {writer.dropped}.0" in client.metrics()
            lines = [json.loads(late.readline()) for _ in range(asked - writer.dropped)]
            assert {line["status"] for line in lines} == {422}
            assert writer.flush()
        writer.close()


def test_an_internal_error_shows_no_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(_self: DeploymentWatcher) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(DeploymentWatcher, "check_present", stumble)
    answer = client.get("/readyz", {"X-Request-ID": "mine"})
    assert answer.status_code == 500
    assert answer.json().keys() == {"detail", "request_id"}
    assert answer.headers["x-request-id"] == "mine"
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text


def test_openapi_documents_predict_like_any_other_route(client: Client) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    assert set(document["paths"]) == {"/predict", "/whatif", "/movies", "/livez", "/readyz", "/health"}
    predict = document["paths"]["/predict"]["get"]
    bodies: dict[str, type[BaseModel]] = {"200": Prediction, "404": Problem, "422": ValidationProblem, "503": Problem}
    bodies |= dict.fromkeys(("400", "401", "408", "413", "414", "415", "429", "431"), RejectionBody)
    assert set(predict["responses"]) == set(bodies)
    for status, model in bodies.items():
        content = predict["responses"][status]["content"]["application/json"]
        assert content["schema"]["$ref"].rsplit("/", 1)[1] == model.__name__
        assert content["examples"]
        for example in content["examples"].values():
            model.model_validate_json(json.dumps(example["value"]))
    parameter = predict["parameters"][0]
    assert (parameter["name"], parameter["required"]) == ("movie_id", True)
    for example in parameter["examples"].values():
        assert parse_query(f"movie_id={example['value']}".encode())
        assert re.fullmatch(parameter["schema"]["pattern"], example["value"])
    assert client.get("/docs").status_code == 200


def test_the_probes_too_document_rejections(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/livez", "/readyz", "/health"):
        operation = paths[path]["get"]
        assert {"400", "408", "413", "414", "431"} <= set(operation["responses"])
        assert not {"401", "429", "security"} & {*operation["responses"], *operation}


def test_the_bounds_of_an_override_are_documented(client: Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    number, unknown = schemas["WhatIfRequest"]["properties"]["overrides"]["additionalProperties"]["anyOf"]
    assert number == {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    assert unknown == {"type": "null"}


def test_every_rejection_before_a_route_is_documented() -> None:
    documented = set(get_args(RejectionBody.model_fields["reason"].annotation))
    assert documented | {OVERLOADED.reason} == set(REASONS)


def test_the_parsers_message_is_the_documents_example(client: Client) -> None:
    example = client.get("/openapi.json").json()["paths"]["/predict"]["get"]["responses"]["422"]["content"]["application/json"]
    with pytest.raises(MalformedQuery) as malformed:
        parse_query(b"movie_id=tt12")
    assert example["examples"]["malformed"]["value"]["detail"] == malformed.value.problems


@pytest.mark.parametrize(
    "wrong",
    [{"redis_url": "127.0.0.1:6379"}, {"redis_url": "http://x"}, {"mlflow_tracking_uri": "sqlite:///x"}, {"api_port": 70000}],
)
def test_a_wrong_setting_stops_the_start_without_showing_secrets(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(SETTINGS | wrong)
    assert str(next(iter(wrong.values()))) not in str(caught.value)
