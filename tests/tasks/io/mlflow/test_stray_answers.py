"""An answer at MLflow's address that is not MLflow's is an outage, which is tried again, and no rejection."""

import json

import pytest
import requests
from mlflow.utils.rest_utils import verify_rest_response

from tasks.core.errors import BadInput, Unavailable
from tasks.io.mlflow import registry

ENDPOINT = "/api/2.0/mlflow/runs/get"
PAGE = "<html><body><h1>Forbidden by the proxy of this company</h1></body></html>"
REJECTION = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"})


def receive(status: int, text: str) -> None:
    """Receive an answer of this status and text as MLflow's client does."""
    answer = requests.Response()
    answer.status_code, answer._content = status, text.encode()
    with registry.connect("http://127.0.0.1:9"):
        verify_rest_response(answer, ENDPOINT)


@pytest.mark.parametrize("text", [PAGE, "", json.dumps({"message": "Forbidden"})], ids=["page", "nothing", "foreign JSON"])
@pytest.mark.parametrize("status", [302, 400, 403, 404, 407, 451])
def test_an_answer_of_something_in_between_is_tried_again(status: int, text: str) -> None:
    with pytest.raises(Unavailable, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        receive(status, text)


def test_a_page_in_place_of_an_answer_is_tried_again() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        receive(200, PAGE)


def test_mlflow_s_own_rejection_is_final() -> None:
    with pytest.raises(BadInput, match=r"rejects the request \(RESOURCE_DOES_NOT_EXIST\)"):
        receive(404, REJECTION)
