"""What the stack knows of one server: how it is started, when it is well, how it is stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def nothing() -> None:
    """Do nothing; a part without preparation."""


@dataclass(frozen=True)
class Part:
    """One supervised server. Secrets go in `environment` or in 0600 files, never in `argv`, which `ps` shows to everyone."""

    name: str
    argv: tuple[str, ...]
    check: Callable[[], None]
    """Raises while the server does not answer as its users need it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Parts that must be well before this one starts."""
    ports: tuple[tuple[str, str, int], ...] = ()
    """(address, port's setting, port) it listens on."""
    url: str = ""
    """What a person opens, or an address to connect to."""
    directory: Path | None = None
    prepare: Callable[[], None] = nothing
    """Run before the process starts; safe to repeat."""
    settle: Callable[[], None] = nothing
    """Run once it answers: roles, buckets; safe to repeat."""
    environment_name: str = "local"
    """The Python environment it runs from; it is restarted when that one is rebuilt."""
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    stop_group: bool = True
    """Whether the stop signal goes to its children as well; servers that stop their own children in order say no."""
    sweep: str | None = None
    """For parts whose children may outlive a killed main process: those whose title holds this text are ended before a start."""
    start_seconds: int = 240
