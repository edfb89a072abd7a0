"""The health of a service: healthy, still starting, or failed."""

import time
from pathlib import Path

from infra.local.supervision.service import Service
from infra.platform.errors import StackError

FAILED = {"FATAL", "UNKNOWN"}
LAST_LINES = 15
GIVE_UP_SECONDS = 30
"""A service that still exits at every start after this time has failed."""


def is_healthy(service: Service, state: str, deadline: float, log: Path) -> bool:
    """Return True if the service answers, False while it is starting. Raise StackError with its last log lines if it failed."""
    reason = f"it is {state.lower()}"
    if state == "RUNNING":
        try:
            service.check()
        except Exception as error:  # noqa: BLE001  # until the server answers, a check may raise any error
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            return True
    left = deadline - time.monotonic()
    if state in FAILED or left < 0 or (state == "BACKOFF" and left < service.start_seconds - GIVE_UP_SECONDS):
        raise StackError(f"{service.name} did not become healthy ({reason}). The end of {log}:\n{last_lines(log)}")
    return False


def last_lines(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if log.exists() else "(no log)"
