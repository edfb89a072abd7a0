"""The note on local disk of the deployment that was served last, for a start without Redis."""

import os
from dataclasses import dataclass
from pathlib import Path

FILE = "last_good.json"


@dataclass(frozen=True, slots=True)
class LastGood:
    """`DEPLOYMENT_CACHE_DIR/last_good.json`: the bytes of the Redis key, as they were."""

    directory: Path

    def write(self, pointer: bytes) -> None:
        """Replace the note in one step."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.directory / f"{FILE}.{os.getpid()}"
        with temporary.open("wb") as file:
            file.write(pointer)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.directory / FILE)

    def read(self) -> bytes | None:
        """Return the note; None when there is none. Raise OSError when it cannot be read."""
        try:
            return (self.directory / FILE).read_bytes()
        except FileNotFoundError:
            return None
