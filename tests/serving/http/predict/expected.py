"""The expected answers."""

import httpx
import numpy as np

from serving.http.schemas import Problem
from tests.serving.published_features import Movie
from tests.serving.tiny_models import FEATURES, train_boosting

NEXT = "marquee_20261123_bbbbbbbbbbbb"


def rate_offline(movie: Movie) -> float:
    row = [[np.nan if movie.features[name] is None else movie.features[name] for name in FEATURES]]
    return float(train_boosting().predict(np.array(row, np.float32))[0])


def problem(answer: httpx.Response, status: int, reason: str) -> Problem:
    body = Problem.model_validate_json(answer.content)
    assert (answer.status_code, body.reason) == (status, reason), answer.text
    assert body.request_id == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status == 503)
    return body
