"""The health of a service: it answers, it may still come to answer, or it will not."""

import time
from pathlib import Path

from infra.local.supervision.service import Service
from infra.platform.errors import StackError

FAILED = {"FATAL", "UNKNOWN"}
LAST_LINES = 15
GIVE_UP_SECONDS = 30
"""After this time a service that still exits as soon as it is started is given up."""


def is_healthy(service: Service, state: str, deadline: float, log: Path) -> bool:
    """Return whether the service, in this state of supervisord, answers; raise with its last log lines once it will not."""
    reason = f"it is {state.lower()}"
    if state == "RUNNING":
        try:
            service.check()
        except Exception as error:  # noqa: BLE001  # a check may fail in any way until the server answers
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            return True
    left = deadline - time.monotonic()
    if state in FAILED or left < 0 or (state == "BACKOFF" and left < service.start_seconds - GIVE_UP_SECONDS):
        raise StackError(f"{service.name} did not become healthy ({reason}). The end of {log}:\n{last_lines(log)}")
    return False


def last_lines(log: Path) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if log.exists() else "(no log)"
