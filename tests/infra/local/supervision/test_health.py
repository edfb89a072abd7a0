"""A service in a state from which supervisord does not start it again ends the wait with a sentence and the log's end."""

import time
from pathlib import Path

import pytest

from infra.local.supervision.health import is_healthy
from infra.local.supervision.service import Service, do_nothing
from infra.platform.errors import StackError

SERVICE = Service("redis", ("redis",), check=do_nothing)


@pytest.mark.parametrize(
    ("state", "left", "sentence"),
    [
        ("FATAL", 600, "it is fatal"),
        ("UNKNOWN", 600, "it is unknown"),
        ("BACKOFF", -1, "it is backoff"),
        ("EXITED", -1, "it is exited"),
        ("STOPPED", -1, "it is stopped"),
    ],
)
def test_a_service_that_has_failed_is_named_with_the_end_of_its_log(
    tmp_path: Path, state: str, left: float, sentence: str
) -> None:
    (tmp_path / "redis.log").write_text("first\nno space left on device\n")
    with pytest.raises(StackError, match=rf"redis did not become healthy \({sentence}\)") as error:
        is_healthy(SERVICE, state, time.monotonic() + left, tmp_path / "redis.log")
    assert str(error.value).endswith("no space left on device")


@pytest.mark.parametrize(("state", "healthy"), [("RUNNING", True), ("STARTING", False), ("EXITED", False), ("STOPPING", False)])
def test_a_service_that_supervisord_still_restarts_is_waited_for(tmp_path: Path, state: str, healthy: bool) -> None:
    assert is_healthy(SERVICE, state, time.monotonic() + 600, tmp_path / "redis.log") is healthy
