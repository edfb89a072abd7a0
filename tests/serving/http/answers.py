"""Checks of answers for the tests of the routes."""

from typing import Any

import httpx

from serving.http.schemas import Problem, ValidationProblem

KEPT: dict[str, object] = {"s3_bucket": "bucket"}
"""With a prediction database in the cache; nothing is published to fetch."""


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
