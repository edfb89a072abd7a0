"""Secrets: each is generated at its first use and stored in its own 0600 file. None has a default, and none is printed."""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.platform.errors import StackError

LEAST_LENGTH = 16
"""Characters. Generated secrets have 43 or more, so a shorter one was written by hand and may be a known default."""


@dataclass(frozen=True)
class Secrets:
    """A folder of secrets; `read` generates a missing one."""

    folder: Path

    def read(self, name: str) -> str:
        """Return the secret; generate it if there is none. It has URL-safe characters only, so it never needs quoting."""
        path = self.folder / name
        if not path.exists():
            write_private(path, generate(name))
        if path.stat().st_mode & 0o077:
            raise StackError(f"Others may read the secret {path}: run `chmod 600 {path}`, or `make reset` if it may have leaked.")
        secret = path.read_bytes().decode("ascii", errors="replace").strip()  # what is no ASCII becomes U+FFFD
        if not (secret.isascii() and secret.isprintable()):  # a power loss can fill a file with zero bytes
            raise StackError(
                f"The secret in {path} is damaged: restore the file from a copy, or delete the file to have one generated."
            )
        if len(secret) < LEAST_LENGTH:
            raise StackError(
                f"The secret in {path} is shorter than {LEAST_LENGTH} characters: delete the file to have one generated."
            )
        return secret

    def exists(self, name: str) -> bool:
        return (self.folder / name).exists()


def generate(name: str) -> str:
    """Return 256 random bits as text. A Fernet key keeps its base64 padding; all others are letters and digits."""
    raw = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return raw if name.endswith("fernet_key") else raw.rstrip("=").replace("-", "A").replace("_", "B")


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file atomically; no other user can read it at any moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
