"""The columns of a new deployment that come from the settings."""

import pytest

from tasks.io.deployments.values import parse_image


@pytest.mark.parametrize(
    ("task_image", "images"),
    [
        (None, None),
        ("", None),
        ("marquee/tasks:dev@sha256:1f", {"marquee/tasks:dev": "sha256:1f"}),
        ("registry:5000/marquee/tasks@sha256:aa@sha256:1f", {"registry:5000/marquee/tasks@sha256:aa": "sha256:1f"}),
        ("marquee/tasks:dev", {"marquee/tasks:dev": None}),
    ],
)
def test_an_image_is_recorded_with_its_digest_or_by_its_name_alone(
    task_image: str | None, images: dict[str, str | None] | None
) -> None:
    assert parse_image(task_image) == images
