"""No property test depends on the speed of the machine."""

import re

from hypothesis import HealthCheck, settings

from infra.platform.layout import REPOSITORY


def test_neither_an_example_nor_its_generation_has_a_deadline() -> None:
    profile = settings()
    assert profile.deadline is None
    assert HealthCheck.too_slow in profile.suppress_health_check


def test_a_test_with_checks_of_its_own_leaves_out_the_timed_one_too() -> None:
    texts = {path: path.read_text() for path in (REPOSITORY / "tests").rglob("*.py")}
    chosen = [(path, found) for path, text in texts.items() for found in re.findall(r"suppress_health_check=\[([^\]]*)\]", text)]
    assert len(chosen) > 1
    assert [path for path, found in chosen if "HealthCheck.too_slow" not in found] == []
