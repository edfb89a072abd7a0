"""Asking the API as a user does, with ids that the feature store really holds."""

import re
from typing import Any

import requests

from infra.local.services.api import api_uri
from infra.local.services.feast import read_pointer
from infra.local.services.valkey import connect_redis
from infra.platform.api_keys import own_key
from infra.platform.errors import StackError
from infra.platform.http import local_session
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

KEY_HEADER = "X-API-Key"
IMDB_ID = re.compile(rb"tt\d{7,10}")


def find_movie(settings: Settings, secrets: Secrets) -> str:
    """Return the id of some film in the published feature set: Feast's keys hold the id and end with the project."""
    pointer = read_pointer(settings, secrets)
    if pointer is None:
        raise StackError("No feature set is published yet: `make run DAG=refresh_movies`.")
    with connect_redis(settings, secrets, "api", decode_responses=False) as client:
        for key in client.scan_iter(match=f"*{pointer['feature_set']}", count=1000):
            found = IMDB_ID.search(key)
            if found:
                return found.group().decode()
    raise StackError(f"The published feature set {pointer['feature_set']} has no film in Redis: `make run DAG=refresh_movies`.")


def fetch_prediction(settings: Settings, movie_id: str) -> dict[str, Any]:
    """Return the API's answer; what it says against the request becomes the message."""
    key = own_key(settings, Secrets(settings.layout.secrets))
    with local_session() as session:
        headers = {KEY_HEADER: key} if key else {}
        answer = session.get(f"{api_uri(settings)}/predict", params={"movie_id": movie_id}, headers=headers, timeout=10)
    if not answer.ok:
        raise StackError(f"The API answers {answer.status_code} for {movie_id}: {read_detail(answer)}")
    body: dict[str, Any] = answer.json()
    return body


def read_detail(answer: requests.Response) -> str:
    """Return what a refused request's answer says of the reason."""
    try:
        return str(answer.json()["detail"])
    except (requests.JSONDecodeError, KeyError):
        return answer.text.strip()


def describe_prediction(body: dict[str, Any]) -> str:
    """Return one line for people."""
    model, title = body["model"], body.get("title") or "untitled"
    source = f"{model['name']} version {model['version']}, features as of {body['features_as_of']}"
    return f"{title} ({body['movie_id']}): predicted IMDb rating {body['rating']:.2f}, by {source}"
