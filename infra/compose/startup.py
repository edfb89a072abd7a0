"""Startup of the containers: Compose starts them in order of their needs, and this module reports each healthy one."""

import subprocess
import time

from infra.compose.containers import ONCE, Containers
from infra.local.supervision.health import last_lines
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY

START_SECONDS = 600
"""Deadline for every container to be healthy."""
POLL_SECONDS = 2.0
"""Each look runs `docker compose ps`, a tenth of a second of processor time that the starting containers need."""


def start_containers(containers: Containers) -> None:
    """Start the services in order of their needs, and return when all are healthy."""
    deadline = time.monotonic() + START_SECONDS
    wanted = containers.names()
    for name in wanted:
        containers.progress.begin(name, "starting")
    command = containers.command("up", "--detach", "--remove-orphans", "--quiet-pull")
    log = containers.settings.layout.logs / "compose.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, env=containers.environment(), cwd=REPOSITORY, stdout=file, stderr=file) as compose,
    ):
        try:
            follow(containers, compose, wanted, deadline)
        except BaseException:
            compose.terminate()
            raise


def follow(containers: Containers, compose: "subprocess.Popen[bytes]", wanted: list[str], deadline: float) -> None:
    """Report each service that becomes healthy. Raise StackError, with their logs, if services fail or are late."""
    healthy: set[str] = set()
    states: dict[str, str] = {}
    # Read the states once more after Compose has ended, because it may have replaced healthy containers.
    while compose.poll() is None or any(states.get(name) != "RUNNING" for name in wanted):
        states = containers.states()
        for name in [name for name in wanted if name not in healthy and states.get(name) == "RUNNING"]:
            containers.progress.end(name, "healthy")
            healthy.add(name)
        if compose.poll():
            failed = [name for name in ONCE if states.get(name, "EXITED 0") != "EXITED 0"]
            output = last_lines(containers.settings.layout.logs / "compose.log")
            raise StackError("\n".join(["The containers did not start:", output, *show_logs(containers, failed)]))
        if time.monotonic() > deadline:
            late = sorted(set(wanted) - healthy)
            raise StackError("\n".join([f"Not healthy after {START_SECONDS} s: {', '.join(late)}", *show_logs(containers, late)]))
        time.sleep(POLL_SECONDS)


def show_logs(containers: Containers, names: list[str]) -> list[str]:
    return [f"--- the end of {name}'s log\n{containers.last_lines(name)}" for name in names]
