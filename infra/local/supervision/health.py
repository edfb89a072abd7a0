"""Whether a part answers, or is past hoping for."""

import time
from pathlib import Path

from infra.local.supervision.service import Part
from infra.platform.errors import StackError

FAILED = {"FATAL", "UNKNOWN"}
LAST_LINES = 15
GIVE_UP_SECONDS = 30
"""A part that then still exits as soon as it is started will not do better."""


def is_well(part: Part, state: str, deadline: float, log: Path) -> bool:
    """Return whether the part, in this state of supervisord's, answers; raise with its last log lines once it will not."""
    reason = f"it is {state.lower()}"
    if state == "RUNNING":
        try:
            part.check()
        except Exception as error:  # noqa: BLE001  # any failure of a check only means: not yet
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            return True
    left = deadline - time.monotonic()
    if state in FAILED or left < 0 or (state == "BACKOFF" and left < part.start_seconds - GIVE_UP_SECONDS):
        raise StackError(f"{part.name} did not become healthy ({reason}). The end of {log}:\n{last_lines(log)}")
    return False


def last_lines(log: Path) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if log.exists() else "(no log)"
