"""What the commands need of a platform, however it runs: as processes (Stack) or in containers (Containers)."""

from typing import Protocol

from infra.platform.progress import Progress
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings


class Platform(Protocol):
    """Its doors and stores answer on the ports of the settings."""

    @property
    def settings(self) -> Settings: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def progress(self) -> Progress: ...

    def names(self) -> list[str]:
        """Return the parts that stay up."""
        ...

    def states(self) -> dict[str, str]:
        """Return RUNNING for each part that is up, else what it is."""
        ...

    def last_lines(self, name: str) -> str:
        """Return the end of a part's log."""
        ...
