"""Example bodies and headers of the OpenAPI document, and functions that put them into a response."""

from typing import Any

from serving.core.requests import ApiRequest, MalformedRequest
from serving.http.schemas import Problem, ValidationProblem

ID = "6f1d0c5e8a3b4f7c9d2e1a0b5c4d3e2f"
PREDICTED = {
    "prediction_id": "019abc0b5c4d3e2f6f1d0c5e8a3b4f7c",
    "deployment": 17,
    "movie_id": "tt0111161",
    "title": "The Shawshank Redemption",
    "rating": 8.4127,
    "model": {"name": "movie-rating", "version": "3"},
    "feature_source": "fresh",
    "stale": False,
    "degraded": False,
    "feature_age_seconds": 40215,
    "features_as_of": "2026-11-22T00:00:00Z",
    "request_id": ID,
}
PUBLISHED = PREDICTED | {"feature_source": "prediction_set", "degraded": True}
UNAVAILABLE = {
    "no_deployment": "nothing is deployed yet; run the DAGs refresh_movies and train_model",
    "no_model": "the model of deployment 17 is not loaded: it could not be fetched or did not verify",
    "lost_features": "the features of movie tt0111161 are missing from feature set movies_20261122_9f86d081884c",
    "feature_store_unavailable": "the feature store does not answer within 0.1 s",
    "corrupt_features": "feature 'runtime_minutes' is not a number",
    "implausible_rating": "the model's output nan is not a rating from 1 to 10",
}


def json_examples(*examples: tuple[str, Any]) -> dict[str, Any]:
    """Return the content of a response with these named example bodies."""
    return {"content": {"application/json": {"examples": {name: {"value": value} for name, value in examples}}}}


REQUEST_ID_HEADER = {"X-Request-ID": {"description": "The request's id.", "schema": {"type": "string"}}}
SOURCE_HEADER = {"X-Feature-Source": {"description": "fresh, stale or prediction_set.", "schema": {"type": "string"}}}
RETRY_HEADER = {"Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}}}


def unavailable(*reasons: tuple[str, str]) -> dict[str, Any]:
    """Return the response 503 with these reasons, each with its detail."""
    return {
        "model": Problem,
        "description": "No prediction is possible now; `reason` says why",
        "headers": REQUEST_ID_HEADER | RETRY_HEADER,
        **json_examples(*((reason, {"detail": detail, "reason": reason, "request_id": ID}) for reason, detail in reasons)),
    }


def unknown(detail: str) -> dict[str, Any]:
    """Return the response 404."""
    body = {"detail": detail, "reason": "unknown_movie", "request_id": ID}
    return {
        "model": Problem,
        "description": "No feature row for this id",
        "headers": REQUEST_ID_HEADER,
        **json_examples(("unknown", body)),
    }


def malformed(description: str, *examples: tuple[str, Any]) -> dict[str, Any]:
    """Return the response 422."""
    return {
        "model": ValidationProblem,
        "description": description,
        "headers": REQUEST_ID_HEADER,
        **json_examples(*examples),
    }


def malformed_request(kind: type[ApiRequest], fields: object, place: str) -> dict[str, Any]:
    """Return the answer to a malformed request, from the service's own check."""
    try:
        kind.check(fields)
    except MalformedRequest as wrong:
        return {"detail": [problem | {"loc": [place, *problem["loc"]]} for problem in wrong.problems], "request_id": ID}
    raise AssertionError(f"{fields} is not malformed")
