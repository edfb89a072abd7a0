"""The platform brought up by hand, as infra/README.md shows: the `marquee` command must know what runs."""

import pytest

from tests.containers.platform import ContainerPlatform
from tests.e2e.run_examples import run_example
from tests.examples import all_examples

pytestmark = pytest.mark.containers


def test_the_commands_of_the_readme_bring_the_platform_up(containers_platform: ContainerPlatform) -> None:
    stopped = containers_platform.command("down")
    assert stopped.returncode == 0, stopped.stdout
    for example in all_examples("containers"):
        if example.command != "make up ARGS=--docker":  # the fixture ran it
            run_example(containers_platform, example)
    doctor = containers_platform.command("doctor")
    assert doctor.returncode == 0, doctor.stdout
