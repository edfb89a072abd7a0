"""The interface of a platform to the commands, whether it runs as processes (Stack) or in containers (Containers)."""

from typing import Protocol

from infra.platform.endpoints import Endpoints
from infra.platform.progress import Progress
from infra.platform.settings import Settings


class Platform(Protocol):
    """A platform whose services answer at its endpoints."""

    @property
    def settings(self) -> Settings: ...

    @property
    def endpoints(self) -> Endpoints: ...

    @property
    def progress(self) -> Progress: ...

    def names(self) -> list[str]:
        """Return the services that stay up."""
        ...

    def states(self) -> dict[str, str]:
        """Return RUNNING for each service that is up, else its state in the words of supervisord or Docker."""
        ...

    def last_lines(self, name: str) -> str:
        """Return the end of a service's log."""
        ...

    def run_feast(self, arguments: list[str]) -> int:
        """Run the feast CLI on the live feature set and return its exit code."""
        ...

    def run_verb(self, verb: str, arguments: list[str]) -> int:
        """Run `python -m tasks.<verb>` (replay or rollback) and return its exit code."""
        ...

    def stop(self) -> None:
        """Stop everything; data stay."""
        ...

    def remove(self) -> None:
        """Stop everything and remove its state."""
        ...
