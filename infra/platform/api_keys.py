"""The keys with which the API may be asked: a file of names and digests; the keys themselves are kept by nobody."""

import hashlib
import re
import secrets
from pathlib import Path

from infra.platform.errors import StackError
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
KEY_BYTES = 32
OURS = "marquee"
"""The name under which the platform's own commands ask, with a key that is a secret like any other."""


def api_keys_file(settings: Settings) -> Path:
    """Return where the keys stand, a line each, `name:sha256 of the key`. No file: everyone may ask."""
    return settings.layout.secrets / "api_keys"


def own_key(settings: Settings, stored: Secrets) -> str | None:
    """Return the key of the platform's own commands; None while everyone may ask."""
    return stored.read("api_key") if api_keys_file(settings).exists() else None


def add_key(settings: Settings, stored: Secrets, name: str) -> str:
    """Make a key for a new name and return it: this once, for only its digest is kept."""
    if not NAME.fullmatch(name):
        raise StackError(f"{name!r} is no name for a key: use up to 64 of a-z, 0-9, dot, dash and underscore.")
    held = read_digests(api_keys_file(settings))
    if name in {OURS, *held}:
        raise StackError(f"There is a key named {name!r} already: take another name, or `marquee api-key --revoke {name}` first.")
    key = secrets.token_urlsafe(KEY_BYTES)
    write_digests(api_keys_file(settings), {OURS: digest(stored.read("api_key")), **held, name: digest(key)})
    return key


def revoke_key(settings: Settings, name: str) -> int:
    """Remove the key of that name; returns how many people's keys are left. With none the file stays, so no door opens."""
    held = read_digests(api_keys_file(settings))
    others = [each for each in held if each != OURS]
    if name not in others:
        raise StackError(f"There is no key named {name!r}; there are: {', '.join(others) or 'none'}.")
    del held[name]
    write_digests(api_keys_file(settings), held)
    return len(others) - 1


def read_digests(path: Path) -> dict[str, str]:
    """Return the digest of each name; empty where there is no file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split(":", 1) for line in lines if line)


def write_digests(path: Path, held: dict[str, str]) -> None:
    write_private(path, "".join(f"{name}:{value}\n" for name, value in held.items()))


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
