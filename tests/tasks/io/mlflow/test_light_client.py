"""A request to MLflow does not load what it does not need."""

import subprocess
import sys

LOADS = """
import sys
from tasks.io.mlflow import registry
{call}
import mlflow.tracking.request_header.registry as headers
print(sorted(type(found).__name__ for found in headers._request_header_provider_registry), "feast" in sys.modules)
"""
WITHOUT_FEAST = "['DatabricksRequestHeaderProvider', 'DefaultRequestHeaderProvider'] False"


def load(call: str) -> str:
    done = subprocess.run([sys.executable, "-c", LOADS.format(call=call)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_feast_is_not_imported_for_the_headers_of_a_request() -> None:
    assert load("registry.load_header_providers()") == WITHOUT_FEAST


def test_without_that_mlflow_loads_feast() -> None:
    """If this fails, MLflow or Feast has changed, and load_header_providers can be removed."""
    assert load("") == "['DatabricksRequestHeaderProvider', 'DefaultRequestHeaderProvider', 'FeastMLflowHeaderProvider'] True"
