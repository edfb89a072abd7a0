"""Tests that a start from any of supervisord's states ends healthy or with one sentence."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from supervisor.xmlrpc import Faults

from infra.local.stack import Stack
from infra.local.supervision import supervisor
from infra.local.supervision.service import Service, do_nothing
from infra.local.supervision.supervisor import SupervisorFault
from infra.local.supervision.supervisor_config import render_program
from infra.platform.errors import StackError
from infra.platform.settings import Settings

pytestmark = pytest.mark.integration
SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")


def make_service(*argv: str) -> Service:
    return Service("redis", argv, check=do_nothing, stop_seconds=2)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose one service is a program that the test chooses."""
    loaded = replace(Stack.load(Settings.trial(tmp_path / "home")), services={})
    try:
        yield loaded
    finally:
        loaded.stop()


def run(stack: Stack, *argv: str) -> None:
    stack.services["redis"] = make_service(*argv)
    stack.supervisor.write(stack.services.values(), {})
    stack.supervisor.start()
    stack.supervisor.start_service("redis")


def wait_for_state(stack: Stack, wanted: str) -> None:
    deadline = time.monotonic() + 30
    while stack.state("redis") != wanted:
        assert time.monotonic() < deadline, stack.state("redis")
        time.sleep(0.05)


def test_a_service_that_waits_for_its_next_restart_is_prepared_and_started(stack: Stack, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    program = f"import pathlib, sys, time; pathlib.Path({str(mended)!r}).exists() or sys.exit(1); time.sleep(600)"
    run(stack, sys.executable, "-c", program)
    wait_for_state(stack, "BACKOFF")
    stack.services["redis"] = replace(stack.services["redis"], prepare=mended.touch)
    stack.start(["redis"])
    assert stack.state("redis") == "RUNNING"


def test_a_service_that_is_stopping_is_started_when_it_has_ended(stack: Stack) -> None:
    run(stack, *STUBBORN)
    wait_for_state(stack, "RUNNING")
    pid = stack.supervisor.processes()["redis"]["pid"]
    stack.supervisor.call("stopProcess", "redis", False)
    assert stack.state("redis") == "STOPPING"
    stack.start(["redis"])
    assert stack.supervisor.processes()["redis"]["pid"] != pid


@pytest.mark.parametrize("state", ["STOPPED", "RUNNING", "STARTING"])
def test_other_states_lead_to_running(stack: Stack, state: str) -> None:
    run(stack, *SLEEP)
    if state == "STOPPED":
        stack.supervisor.stop_service("redis")
    if state == "RUNNING":
        wait_for_state(stack, "RUNNING")
    assert stack.state("redis") == state
    stack.start(["redis"])
    assert stack.state("redis") == "RUNNING"


@pytest.mark.parametrize("state", ["FATAL", "EXITED"])
def test_a_service_that_supervisord_has_given_up_is_prepared_and_started(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """In the platform a service is given up after hours; here after its first exit."""
    option, delay = {"FATAL": ("startretries=0", 0), "EXITED": ("autorestart=false", 1.5)}[state]
    changed = option.partition("=")[0] + r"=\w+"
    monkeypatch.setattr(supervisor, "render_program", lambda *given: re.sub(changed, option, render_program(*given)))
    mended = tmp_path / "mended"
    program = f"import pathlib, sys, time; pathlib.Path({str(mended)!r}).exists() and time.sleep(600); time.sleep({delay})"
    run(stack, sys.executable, "-c", program)
    wait_for_state(stack, state)
    with pytest.raises(StackError, match=r"redis did not become healthy \(it is ") if state == "FATAL" else nullcontext():
        stack.start(["redis"])
    wait_for_state(stack, state)
    stack.services["redis"] = replace(stack.services["redis"], prepare=mended.touch)
    stack.start(["redis"])
    assert stack.state("redis") == "RUNNING"


def test_a_rejected_call_is_reported_in_one_sentence(stack: Stack) -> None:
    run(stack, *SLEEP)
    with pytest.raises(SupervisorFault, match=r"refuses startProcess \('unknown', False\): BAD_NAME.*make down") as error:
        stack.supervisor.start_service("unknown")
    assert error.value.code == Faults.BAD_NAME
