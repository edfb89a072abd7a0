"""The file that records the deployment that was served last, for a start without Redis."""

import os
from dataclasses import dataclass
from pathlib import Path

FILE = "last_good.json"


@dataclass(frozen=True, slots=True)
class LastGood:
    """The file `DEPLOYMENT_CACHE_DIR/last_good.json`, a copy of the value of the Redis key."""

    directory: Path

    def write(self, pointer: bytes) -> None:
        """Replace the file in one step."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.directory / f"{FILE}.{os.getpid()}"
        with temporary.open("wb") as file:
            file.write(pointer)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.directory / FILE)

    def read(self) -> bytes | None:
        """Return the file's content; None when there is no file. Raise OSError when it cannot be read."""
        try:
            return (self.directory / FILE).read_bytes()
        except FileNotFoundError:
            return None
