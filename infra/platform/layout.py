"""Where everything lies: the repository, its environments, and the state under MARQUEE_HOME."""

import secrets
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """Folders of one stack. Environments belong to the repository, state to the home: tests have homes of their own."""

    home: Path

    @property
    def environments(self) -> Path:
        return REPOSITORY / ".marquee" / "venvs"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        return self.home / "run"

    def make(self) -> None:
        """Make the folders; only `data` may be traversed by others, since Postgres runs as another user when we are root."""
        self.home.mkdir(parents=True, exist_ok=True)
        for folder, mode in ((self.secrets, 0o700), (self.data, 0o711), (self.logs, 0o700), (self.run, 0o700)):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)

    def python(self, environment: str) -> Path:
        return self.environments / environment / "bin" / "python"

    def packages(self, environment: str) -> Path:
        return self.environments / environment / "lib" / "python3.11" / "site-packages"

    def stack_id(self) -> str:
        """Return the random name that every process of this stack carries in its environment (MARQUEE_STACK)."""
        path = self.home / "stack_id"
        if not path.exists():
            path.write_text(secrets.token_hex(8))
        return path.read_text().strip()
