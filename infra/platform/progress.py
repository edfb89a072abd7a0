"""Progress of a command: one line for each step with its duration; live on a terminal, plain text elsewhere, logged in tests."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.status import Status

log = logging.getLogger("marquee")


class Progress(Protocol):
    """The interface for reporting progress. Steps may overlap, so each call names its step."""

    def begin(self, step: str, doing: str) -> None: ...
    def note(self, step: str, doing: str) -> None: ...
    def end(self, step: str, outcome: str) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


@dataclass
class LogProgress:
    """Progress as log lines; for programs and tests."""

    started: dict[str, float] = field(default_factory=dict)

    def begin(self, step: str, doing: str) -> None:
        self.started[step] = time.monotonic()
        log.debug("%s: %s", step, doing)

    def note(self, step: str, doing: str) -> None:
        log.debug("%s: %s", step, doing)

    def end(self, step: str, outcome: str) -> None:
        log.info("%s: %s (%.1f s)", step, outcome, time.monotonic() - self.started.pop(step))

    def say(self, line: str) -> None:
        log.info("%s", line.strip())

    def close(self) -> None:
        self.started.clear()


@dataclass
class ConsoleProgress:
    """Progress on a console. Ended steps stay on the screen; on a terminal, running steps are shown below them."""

    console: Console
    quiet_seconds: float = 15
    """Without a terminal, seconds between two printed notes of running steps."""
    started: dict[str, float] = field(default_factory=dict)
    doing: dict[str, str] = field(default_factory=dict)
    last_line_at: float = field(default_factory=time.monotonic)
    spinner: Status | None = None

    def begin(self, step: str, doing: str) -> None:
        self.started[step] = time.monotonic()
        self.note(step, doing)

    def note(self, step: str, doing: str) -> None:
        known = self.doing.get(step) == doing
        self.doing[step] = doing
        if self.console.is_terminal:
            self.spin()
        elif not known and time.monotonic() - self.last_line_at > self.quiet_seconds:
            self.say(f"  … {step}: {doing}")

    def end(self, step: str, outcome: str) -> None:
        seconds = time.monotonic() - self.started.pop(step)
        self.doing.pop(step, None)
        self.say(f"  {'✓' if self.console.is_terminal else '-'} {step:<14} {outcome}  {seconds:.1f} s")
        self.spin()

    def say(self, line: str) -> None:
        self.last_line_at = time.monotonic()
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def spin(self) -> None:
        """Show the running steps on one line."""
        if not self.console.is_terminal:
            return
        text = ", ".join(f"{step}: {doing}" for step, doing in self.doing.items())
        if self.spinner is None and text:
            self.spinner = self.console.status(text)
            self.spinner.start()
        elif self.spinner is not None and text:
            self.spinner.update(text)
        elif self.spinner is not None:
            self.spinner.stop()
            self.spinner = None

    def close(self) -> None:
        if self.spinner is not None:
            self.spinner.stop()
            self.spinner = None


@contextmanager
def step(progress: Progress, name: str, doing: str, outcome: str = "done") -> Iterator[None]:
    """Report the begin and the end of the step that runs in this context."""
    progress.begin(name, doing)
    yield
    progress.end(name, outcome)
