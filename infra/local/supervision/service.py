"""The description of one supervised server: how it is started, how its health is checked, how it is stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.platform.endpoints import Endpoint


def do_nothing() -> None:
    """Do nothing, for a service without preparation."""


@dataclass(frozen=True)
class Service:
    """One supervised server. Secrets go in `environment` or in 0600 files, never in `argv`, which `ps` shows to every user."""

    name: str
    argv: tuple[str, ...]
    check: Callable[[], None]
    """Raises while the server does not answer as its users need it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Services that must be healthy before this one starts."""
    listens: tuple[Endpoint, ...] = ()
    """Endpoints it listens on; each port must be free before it starts."""
    url: str = ""
    """Address for people: to open, or to connect to."""
    directory: Path | None = None
    prepare: Callable[[], None] = do_nothing
    """Runs before the process starts; safe to repeat."""
    recover: Callable[[], str] | None = None
    """Called once when the process exits as soon as it is started: sets damaged data aside and returns a sentence about it,
    or returns an empty text when the data are not the cause. None: the data are a source and are never set aside."""
    post_start: Callable[[], None] = do_nothing
    """Runs once the server answers, and makes roles or buckets; safe to repeat."""
    environment_name: str = "local"
    """The Python environment it runs from; a rebuild of that environment restarts it."""
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    stop_group: bool = True
    """True sends the stop signal to its children as well; false suits servers that stop their own children in order."""
    sweep: str | None = None
    """Before a start, children of a killed earlier start whose title holds this text are ended; None: none outlive it."""
    start_seconds: int = 240
