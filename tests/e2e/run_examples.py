"""Runs what the READMEs and the OpenAPI document show against a platform that is up, with its own ports and ids."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import requests

from infra.platform.layout import REPOSITORY
from tests.e2e.platform import Platform
from tests.examples import Example, check_answer

SECONDS = 900
PORTS = {"8000": "api_port", "8080": "airflow_port", "5000": "mlflow_port", "8889": "feast_ui_port"}
"""Default ports as the READMEs show them, and the settings that name the platform's own."""


def run_example(platform: Platform, example: Example) -> None:
    """Run the command in a shell as a person would; raise AssertionError unless it succeeds and prints what was promised."""
    done = subprocess.run(
        ["bash", "-c", adapt(platform, example.command)],
        cwd=REPOSITORY,
        env=platform.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    check_answer(done.stdout, adapt(platform, example.promised))


def adapt(platform: Platform, text: str) -> str:
    """Return the text with the platform's ports, a movie it holds, and a prediction it has made."""
    for default, setting in PORTS.items():
        text = re.sub(rf"(127\.0\.0\.1|localhost):{default}\b", rf"\1:{getattr(platform.settings, setting)}", text)
    if movie_ids := re.findall(r"\btt[0-8]\d{6,9}\b", text):
        known = known_movie(platform)
        for movie_id in set(movie_ids):
            text = text.replace(movie_id, known)
    if predictions := re.findall(r"\b[0-9a-f]{32}\b", text):
        text = text.replace(predictions[0], known_prediction(platform))
    return text


@cache
def known_movie(platform: Platform) -> str:
    """Return the id of a movie that the platform can predict."""
    return str(next(iter(platform.run_in_tasks("expected", "1")["ratings"])))


@cache
def known_prediction(platform: Platform) -> str:
    """Ask for a prediction and return its id once its receipt is in Postgres."""
    prediction_id = str(platform.ask(known_movie(platform)).json()["prediction_id"])
    time.sleep(2)  # receipts are written a moment after their answers
    return prediction_id


@dataclass(frozen=True)
class Request:
    """One request that the OpenAPI document shows, with the answer that it shows for success."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    promised: Any


def read_document(platform: Platform) -> dict[str, Any]:
    """Return the OpenAPI document that the platform serves."""
    answer = requests.get(f"http://127.0.0.1:{platform.settings.api_port}/openapi.json", timeout=10)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def read_openapi_examples(document: dict[str, Any]) -> Iterator[Request]:
    """Yield a request for each operation of the document, made of the first example of each parameter or property."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            success = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
            promised = next(iter(read_values(success)), None)
            query = {each["name"]: str(next(read_values(each))) for each in operation.get("parameters", []) if each["required"]}
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            yield Request(method, path, query, read_body(document, content["schema"]) if content else None, promised)


def read_body(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the body that the schema of a request shows: the first example of each of its properties."""
    properties = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]["properties"]
    return {name: next(read_values(described)) for name, described in properties.items()}


def read_values(holder: dict[str, Any]) -> Iterator[Any]:
    """Yield the values under `examples` or `example` of a parameter, a body or an answer, or of their schema."""
    for place in (holder, holder.get("schema", {})):
        if "example" in place:
            yield place["example"]
        examples = place.get("examples", {})
        yield from (each["value"] for each in examples.values()) if isinstance(examples, dict) else examples


def run_request(platform: Platform, request: Request) -> None:
    """Send the request; raise AssertionError unless it succeeds with the fields that the document promises."""
    url = f"http://127.0.0.1:{platform.settings.api_port}{request.path}"
    text = adapt(platform, json.dumps([request.query, request.body, request.promised]))
    query, body, promised = json.loads(text)
    answer = requests.request(request.method, url, params=query, json=body, timeout=30)
    assert answer.status_code == 200, f"{request}: {answer.status_code} {answer.text}"
    assert set(promised or {}) <= set(answer.json()), f"{request}: {answer.text}"
