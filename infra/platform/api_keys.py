"""The API's keys: a file of names and digests. The keys themselves are not stored."""

import hashlib
import re
import secrets
from pathlib import Path

from infra.platform.errors import StackError
from infra.platform.secrets import Secrets, write_private

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
LINE = re.compile(rf"{NAME.pattern}:[0-9a-f]{{64}}")
KEY_BYTES = 32
PLATFORM_NAME = "marquee"
"""Name of the key that the platform's own commands use; the key is stored with the other secrets."""


def api_keys_file(stored: Secrets) -> Path:
    """Return the path of the key file, with one `name:sha256 of the key` per line. Without the file, no key is needed."""
    return stored.folder / "api_keys"


def own_key(stored: Secrets) -> str | None:
    """Return the key of the platform's own commands; None if no key is needed."""
    return stored.read("api_key") if api_keys_file(stored).exists() else None


def add_key(stored: Secrets, name: str) -> str:
    """Make a key for a new name and return it. Only its digest is stored, so the key cannot be shown again."""
    if not NAME.fullmatch(name):
        raise StackError(f"{name!r} is not a name for a key: use up to 64 of a-z, 0-9, dot, dash and underscore.")
    held = read_digests(api_keys_file(stored))
    if name in {PLATFORM_NAME, *held}:
        raise StackError(f"There is a key named {name!r} already: take another name, or `marquee api-key --revoke {name}` first.")
    key = secrets.token_urlsafe(KEY_BYTES)
    write_digests(api_keys_file(stored), {PLATFORM_NAME: digest(stored.read("api_key")), **held, name: digest(key)})
    return key


def revoke_key(stored: Secrets, name: str) -> int:
    """Remove the key of that name and return how many others are left. Even at 0 the file stays, so a key is still needed."""
    held = read_digests(api_keys_file(stored))
    others = [other for other in held if other != PLATFORM_NAME]
    if name not in others:
        raise StackError(f"There is no key named {name!r}; there are: {', '.join(others) or 'none'}.")
    del held[name]
    write_digests(api_keys_file(stored), held)
    return len(others) - 1


def read_digests(path: Path) -> dict[str, str]:
    """Return the digest of each name; empty if there is no file."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    wrong = [number for number, line in enumerate(lines, 1) if line and not LINE.fullmatch(line)]
    if wrong:
        raise StackError(f"{path}, line {wrong[0]}, is not `name:sha256 of a key`: remove that line, then make its key again.")
    return dict(line.split(":", 1) for line in lines if line)


def write_digests(path: Path, held: dict[str, str]) -> None:
    write_private(path, "".join(f"{name}:{value}\n" for name, value in held.items()))


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
