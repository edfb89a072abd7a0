"""The filter's bounds: Compose hands each one on, with the default that the code and .env.example have."""

from pathlib import Path

import pytest

from infra.docker_filter.policy.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[3]
BOUNDS = [name for name in Settings.model_fields if name.endswith("_max")]


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_is_a_setting_of_the_platform(bound: str) -> None:
    name, default = bound.upper(), Settings.model_fields[bound].default
    assert f"      {name}: ${{{name}:-{default}}}\n" in (REPOSITORY / "infra/compose/airflow.yml").read_text()
    assert f"\n#{name}={default}\n" in (REPOSITORY / ".env.example").read_text()


@pytest.mark.parametrize(
    ("patterns", "name", "allowed"),
    [
        ("AWS_* S3_BUCKET", "AWS_REGION", True),
        ("AWS_* S3_BUCKET", "AWS_", True),
        ("AWS_* S3_BUCKET", "S3_BUCKET", True),
        ("AWS_* S3_BUCKET", "S3_BUCKETS", False),
        ("AWS_* S3_BUCKET", "MY_AWS_REGION", False),
        ("AWS_* S3_BUCKET", "aws_region", False),
        ("", "AWS_REGION", False),
    ],
)
def test_variables_are_allowed_by_name_or_by_the_beginning_of_it(patterns: str, name: str, allowed: bool) -> None:
    settings = Settings(tasks_image="a", tasks_network="a", marquee_platform="a", task_variables=patterns)
    assert settings.allows_variable(name) is allowed
