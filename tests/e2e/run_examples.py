"""Runs what the READMEs and the OpenAPI document show against a platform that is up, with its own ports and ids."""

import json
import re
import subprocess
import time
from functools import cache
from typing import Any

import requests

from infra.platform.layout import REPOSITORY
from tests.e2e.platform import Platform
from tests.examples import Example, check_answer
from tests.openapi_examples import Request

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


def read_document(platform: Platform) -> dict[str, Any]:
    """Return the OpenAPI document that the platform serves."""
    answer = requests.get(f"http://127.0.0.1:{platform.settings.api_port}/openapi.json", timeout=10)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def run_request(platform: Platform, request: Request) -> None:
    """Send a request of the OpenAPI document; raise an error unless the answer has the promised status, schema and fields."""
    url = f"http://127.0.0.1:{platform.settings.api_port}{request.path}"
    text = adapt(platform, json.dumps([request.query, request.body]))
    query, body = json.loads(re.sub(r"\b(278|680)\b", known_tmdb_id(platform), text))
    answer = requests.request(request.method, url, params=query, json=body, timeout=30)
    request.check(answer.status_code, answer.json())


@cache
def known_tmdb_id(platform: Platform) -> str:
    """Return the TMDB id of a movie that the platform can predict."""
    url = f"http://127.0.0.1:{platform.settings.api_port}/movies"
    found = requests.get(url, params={"query": "the", "limit": "50"}, timeout=10).json()["movies"]
    return str(next(movie["tmdb_id"] for movie in found if movie["tmdb_id"] is not None))
