"""Predictions requested as a user does, for ids that the feature store holds."""

import re
from collections.abc import Generator
from contextlib import closing
from typing import Any

import requests

from infra.platform.api_keys import own_key
from infra.platform.connections import connect_redis, local_session, read_live_features, was_live
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError

KEY_HEADER = "X-API-Key"
IMDB_ID = re.compile(rb"tt\d{7,10}")


def read_any_movie(endpoints: Endpoints) -> str:
    """Return the id of any one movie in the live feature set."""
    pointer = read_live_features(endpoints)
    if pointer is None:
        raise StackError(explain_no_deployment(endpoints))
    with closing(scan_movies(endpoints, pointer["feature_set"])) as movies:
        for movie_id in movies:
            return movie_id
    raise StackError(f"The live feature set {pointer['feature_set']} has no movie in Redis: `make run DAG=reconcile`.")


def explain_no_deployment(endpoints: Endpoints) -> str:
    """Return why Redis names no deployment, with the command that helps."""
    if was_live(endpoints):
        return "Redis does not name the live deployment; `make run DAG=reconcile` writes it again."
    return "Nothing is deployed yet: `make run DAG=refresh_movies`, which triggers train_model."


def scan_movies(endpoints: Endpoints, feature_set: str) -> Generator[str, None, None]:
    """Yield the id of each of the set's movies in Redis, possibly some twice. Feast's keys end with the project's name."""
    with connect_redis(endpoints, "api", decode_responses=False) as client:
        for key in client.scan_iter(match=f"*{feature_set}", count=10_000):
            found = IMDB_ID.search(key)
            if found:
                yield found.group().decode()


def fetch_prediction(endpoints: Endpoints, requested_id: str) -> dict[str, Any]:
    """Return the API's answer for an IMDb id or a TMDB id. Raise StackError with the API's reason if it rejects the request."""
    key = own_key(endpoints.secrets)
    with local_session() as session:
        headers = {KEY_HEADER: key} if key else {}
        answer = session.get(f"{endpoints.api.url}/predict", params={"movie_id": requested_id}, headers=headers, timeout=10)
    if not answer.ok:
        raise StackError(f"The API answers {answer.status_code} for {requested_id}: {read_detail(answer)}")
    body: dict[str, Any] = answer.json()
    return body


def read_detail(answer: requests.Response) -> str:
    """Return the reason in the answer to a rejected request."""
    try:
        return str(answer.json()["detail"])
    except (requests.JSONDecodeError, KeyError):
        return answer.text.strip()


def describe_prediction(body: dict[str, Any]) -> str:
    """Return the prediction as one line of text."""
    model, title = body["model"], body.get("title") or "untitled"
    source = f"{model['name']} version {model['version']}, features as of {body['features_as_of']}"
    return f"{title} ({body['movie_id']}): predicted IMDb rating {body['rating']:.2f}, by {source}"
