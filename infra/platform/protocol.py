"""The interface that the commands use for a platform of processes (Stack) and of containers (Containers)."""

from typing import Protocol

from infra.platform.endpoints import Endpoints
from infra.platform.progress import Progress
from infra.platform.settings import Settings


class Platform(Protocol):
    """A platform and the operations on it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def endpoints(self) -> Endpoints: ...

    @property
    def progress(self) -> Progress: ...

    @property
    def start_command(self) -> str:
        """The command that starts the platform again."""
        ...

    def names(self) -> list[str]:
        """Return the services that run permanently."""
        ...

    def states(self) -> dict[str, str]:
        """Return each service's state: RUNNING, or another state as supervisord or Docker names it."""
        ...

    def last_lines(self, name: str) -> str:
        """Return the last lines of a service's log."""
        ...

    def run_feast(self, arguments: list[str]) -> int:
        """Run the feast CLI on the live feature set and return its exit code."""
        ...

    def run_verb(self, verb: str, arguments: list[str]) -> int:
        """Run `python -m tasks.<verb>` (replay or rollback) and return its exit code."""
        ...

    def stop(self) -> None:
        """Stop everything; keep the data."""
        ...

    def remove(self) -> None:
        """Stop everything and remove its state."""
        ...
