"""The folders of a platform: the repository, its Python environments, and the state under MARQUEE_HOME."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.platform.errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The folders of one platform. The environments are in the repository, the state in the home; each test has its own home."""

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

    @property
    def airflow_passwords(self) -> Path:
        """Return the path of the JSON file with the password of Airflow's user, by user name."""
        return self.secrets / "airflow_passwords.json"

    def make(self) -> None:
        """Make the folders. Other users may only traverse `data`, because under root Postgres runs as another user."""
        self.home.mkdir(parents=True, exist_ok=True)
        for folder, mode in ((self.secrets, 0o700), (self.data, 0o711), (self.logs, 0o700), (self.run, 0o700)):
            make_folder(folder, mode)

    def python(self, environment: str) -> Path:
        return self.environments / environment / "bin" / "python"

    def packages(self, environment: str) -> Path:
        return self.environments / environment / "lib" / "python3.11" / "site-packages"

    def stack_id(self) -> str:
        """Return the random id that every process of this platform has in its environment (MARQUEE_STACK)."""
        path = self.home / "stack_id"
        if not re.fullmatch("[0-9a-f]{16}", read_state(path)):
            write_state(path, secrets.token_hex(8))
        return read_state(path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the platform's lock, so that one command at a time changes it. The kernel frees it when the command ends."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(f"Another `marquee` command is changing {self.home}: wait until it has ended.") from None
            yield


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder if there is none, and set its mode. `mkdir(mode=)` alone would be limited by the umask."""
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)


def read_state(path: Path) -> str:
    """Return the text of a state file; empty if it is missing or damaged. A power loss can fill a file with zero bytes."""
    try:
        text = path.read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    return "" if "\0" in text else text.strip()


def write_state(path: Path, text: str) -> None:
    """Write a state file atomically, and flush it to the disk before it is renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
