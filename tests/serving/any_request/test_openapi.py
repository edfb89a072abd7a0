"""Tests the OpenAPI document by schemathesis: valid requests are answered and others rejected, as the document says."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given, settings
from schemathesis import Case, CheckFunction, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.core.requested_id import MAX_TMDB_ID
from tests.serving.any_request import outcome_counts
from tests.serving.any_request.adversarial_requests import is_harmless
from tests.serving.any_request.conftest import Served
from tests.serving.any_request.wire import Answer

pytestmark = pytest.mark.integration

AnyCase = Case[Any]
PART = "schemathesis"
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def test_fitting_requests_are_answered_and_others_refused(served: Served, until_enough: Callable[..., None]) -> None:
    schema = schemathesis.openapi.from_dict(served.document)
    session = requests.Session()

    def make(how: settings, mode: GenerationMode) -> Any:
        @how
        @given(schema.as_strategy(generation_mode=mode))
        def play(case: AnyCase) -> None:
            response = case.call(base_url=f"http://127.0.0.1:{served.port}", session=session)
            outcome_counts.note(PART, response.status_code)
            case.validate_response(response, checks=CHECKS)
            check(served, case, response)
            if mode is GenerationMode.POSITIVE:
                check_accepted(response)

        return play

    until_enough(PART, lambda how: lambda: [make(how, mode)() for mode in GenerationMode], 2)
    session.close()


def check(served: Served, case: AnyCase, response: Response) -> None:
    """Check our own contract too."""
    headers = {name: value for name, (value,) in response.headers.items()}
    asked = str(dict(case.headers).get("x-request-id", ""))
    answer = Answer(response.status_code, headers, response.content)
    served.contract.check(case.method.upper(), case.path, asked if is_harmless(asked) else None, answer)


def check_accepted(response: Response) -> None:
    """A valid request is rejected only for rules that OpenAPI cannot express: the features' names; 2^63 and 1.0 are not ids."""
    assert response.status_code in (200, 404, 422)
    for problem in response.json()["detail"] if response.status_code == 422 else ():
        given = problem["input"]
        if problem["type"] == "string_pattern_mismatch":
            number = given if isinstance(given, float) else float(given.strip() or "nan")  # no two agree what a blank is
            assert not 1 <= number <= MAX_TMDB_ID or isinstance(given, float), problem
        else:
            assert problem["type"] == "unknown_feature", problem
