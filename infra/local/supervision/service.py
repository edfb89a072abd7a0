"""The description of one supervised server: how to start it, check its health and stop it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.platform.endpoints import Endpoint


def do_nothing() -> None:
    """Do nothing. Default for a service that needs no preparation."""


@dataclass(frozen=True)
class Service:
    """One supervised server. Secrets go in `environment` or in 0600 files, never in `argv`, which `ps` shows to every user."""

    name: str
    argv: tuple[str, ...]
    check: Callable[[], None]
    """Raises an error unless the server answers as its users need."""
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Services that must be healthy before this one starts."""
    listens: tuple[Endpoint, ...] = ()
    """Endpoints that it listens on; each port must be free before it starts."""
    url: str = ""
    """Address that users open or connect to."""
    directory: Path | None = None
    prepare: Callable[[], None] = do_nothing
    """Runs before the process starts; safe to repeat."""
    recover: Callable[[], str] | None = None
    """Called once if the process keeps exiting at its start. It sets damaged data aside and returns a sentence about them, or
    an empty text if the data are not the cause. None: the data cannot be made again, so they are never set aside."""
    post_start: Callable[[], None] = do_nothing
    """Runs when the server answers, for example to make roles or buckets; safe to repeat."""
    environment_name: str = "local"
    """The Python environment that it runs from; a rebuild of that environment restarts the service."""
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    stop_group: bool = True
    """True sends the stop signal to its children as well; False is for servers that stop their own children in order."""
    sweep: str | None = None
    """A start first ends leftover children of a killed earlier start whose title contains this text. None: there are none."""
    start_seconds: int = 240
