"""Which version is champion: one small REST call, because MLflow's client would bring pandas into the service."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlencode, urlsplit

from serving.models.model_cache import ModelVersion

MODEL_NAME, ALIAS = "movie-rating", "champion"
TIMEOUT_SECONDS = 3.0
MAX_ANSWER_BYTES = 2**20


class RegistryUnavailable(Exception):
    """MLflow does not answer, or not as MLflow."""


def fetch_champion(tracking_uri: str) -> ModelVersion | None:
    """Ask MLflow which version carries the alias; None when none does; raises RegistryUnavailable. Blocks."""
    address = urlsplit(tracking_uri)
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    query = urlencode({"name": MODEL_NAME, "alias": ALIAS})
    try:
        connection.request("GET", f"{quote(address.path)}/api/2.0/mlflow/registered-models/alias?{query}")
        response = connection.getresponse()
        status, body = response.status, response.read(MAX_ANSWER_BYTES)
    except (OSError, HTTPException) as error:
        raise RegistryUnavailable(f"MLflow at {address.hostname}:{address.port} does not answer: {error!r}") from None
    finally:
        connection.close()
    return parse_answer(status, body)


def parse_answer(status: int, body: bytes) -> ModelVersion | None:
    """Parse MLflow's answer; None when it says that no version carries the alias; raises RegistryUnavailable."""
    try:
        answer = json.loads(body)
        if status == 200:
            found = answer["model_version"]
            return ModelVersion(str(found["name"]), str(found["version"]), str(found.get("source") or ""))
        # MLflow says INVALID_PARAMETER_VALUE for a missing alias, RESOURCE_DOES_NOT_EXIST for a missing model.
        if answer.get("error_code") in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise RegistryUnavailable(f"MLflow answers {status} {answer.get('error_code')}")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RegistryUnavailable(f"MLflow answers {status} with something else than JSON of its own") from None
