"""Functions that show and follow the services' log files."""

import time
from collections.abc import Callable
from pathlib import Path

from infra.local.stack import Stack
from infra.platform.errors import StackError

POLL_SECONDS = 0.5


def find_logs(stack: Stack, service: str | None) -> dict[str, Path]:
    """Return the log file of the service, or of every service; only files that exist."""
    names = {*stack.services, "supervisord"}
    if service is not None and service not in names:
        raise StackError(f"There is no service {service!r}; there are {', '.join(sorted(names))}.")
    logs = {name: stack.settings.layout.logs / f"{name}.log" for name in sorted(names) if service in {None, name}}
    return {name: path for name, path in logs.items() if path.exists()}


def show_logs(logs: dict[str, Path], lines: int, write: Callable[[str], None]) -> None:
    """Print the last lines of each log; with several logs, each line begins with the service's name."""
    for name, path in logs.items():
        for line in path.read_text(errors="replace").splitlines()[-lines:]:
            write(f"{name} | {line}" if len(logs) > 1 else line)


def follow_logs(logs: dict[str, Path], write: Callable[[str], None]) -> None:
    """Print new lines until interrupted; continue when a log is rotated."""
    offsets = {name: path.stat().st_size for name, path in logs.items()}
    while True:
        for name, path in logs.items():
            size = path.stat().st_size if path.exists() else 0
            start = offsets[name] if offsets[name] <= size else 0  # it was rotated
            if size > start:
                with path.open("rb") as file:
                    file.seek(start)
                    text = file.read(size - start).decode(errors="replace")
                for line in text.splitlines():
                    write(f"{name} | {line}" if len(logs) > 1 else line)
            offsets[name] = size
        time.sleep(POLL_SECONDS)
