"""Tests the filter's settings: Compose passes on each limit with the code's default, and unsafe values stop the start."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.docker_filter.policy.settings import Settings
from tests.infra.docker_filter.bodies import SETTINGS

REPOSITORY = Path(__file__).resolve().parents[3]
BOUNDS = [name for name in Settings.model_fields if name.endswith("_max")]


def make_settings(task_variables: str) -> Settings:
    return Settings(tasks_image="a", tasks_network="a", marquee_platform="a", task_variables=task_variables)


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_is_a_setting_of_the_platform(bound: str) -> None:
    name, default = bound.upper(), Settings.model_fields[bound].default
    assert f"      {name}: ${{{name}:-{default}}}\n" in (REPOSITORY / "infra/compose/airflow.yml").read_text()
    assert f"\n#{name}={default}\n" in (REPOSITORY / ".env.example").read_text()


def test_the_list_of_variables_is_a_setting_of_the_platform() -> None:
    assert "      TASK_VARIABLES: ${TASK_VARIABLES:-}\n" in (REPOSITORY / "infra/compose/airflow.yml").read_text()
    assert "\n#TASK_VARIABLES=\n" in (REPOSITORY / ".env.example").read_text()
    unset, narrow = (make_settings(patterns) for patterns in ("", "AWS_* S3_BUCKET"))
    assert unset.task_variables == Settings.model_fields["task_variables"].default
    assert (unset.allows_variable("MLFLOW_TRACKING_URI"), narrow.allows_variable("MLFLOW_TRACKING_URI")) == (True, False)


@pytest.mark.parametrize(
    ("patterns", "name", "allowed"),
    [
        ("AWS_* S3_BUCKET", "AWS_REGION", True),
        ("AWS_* S3_BUCKET", "AWS_", True),
        ("AWS_* S3_BUCKET", "S3_BUCKET", True),
        ("AWS_* S3_BUCKET", "S3_BUCKETS", False),
        ("AWS_* S3_BUCKET", "MY_AWS_REGION", False),
        ("AWS_* S3_BUCKET", "aws_region", False),
    ],
)
def test_variables_are_allowed_by_name_or_by_the_beginning_of_it(patterns: str, name: str, allowed: bool) -> None:
    assert make_settings(patterns).allows_variable(name) is allowed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tasks_image", "*"),
        ("tasks_image", ""),
        ("tasks_network", "host"),
        ("tasks_network", "container:x"),
        ("tasks_network", "bridge"),
        ("marquee_platform", "A b"),
        ("task_memory_max", 0),
        ("tasks_max", 0),
        ("tasks_memory_max", 0),
        ("task_log_max", 0),
        ("task_variables", "*"),
        ("task_variables", "AWS_* [A-Z]*"),
        ("task_variables", "A?"),
        ("filter_connections_max", 0),
        ("filter_request_bytes_max", 0),
        ("filter_port", 0),
    ],
)
def test_a_setting_that_would_let_more_through_stops_the_start(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Settings(**{**SETTINGS.model_dump(), name: value})
