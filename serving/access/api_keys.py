"""API keys, from a file of names and digests that is read again when it changes; the keys themselves are not in it."""

import asyncio
import logging
import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

log = logging.getLogger("serving")

CHECK_SECONDS = 1.0
"""Pause between two checks of the file for changes."""
_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._@-]{0,63})\s*:\s*(?P<digest>[0-9a-fA-F]{64})")

Names = Mapping[bytes, str]
"""Owner's name by the key's sha256, 32 bytes."""


class MalformedKeys(ValueError):
    """Error for a line that is not `name:sha256hex`; the message has its number but not its content, which may be a key."""


def load_keys(path: Path) -> Names:
    """Read the file. Raise MalformedKeys, or OSError when it cannot be read.

    One name may have several keys, so that a key can be replaced without downtime.
    """
    names: dict[bytes, str] = {}
    for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise MalformedKeys(f"{path}, line {number}: it must read name:sha256 of the key, as 64 hexadecimal digits")
        digest = bytes.fromhex(match["digest"])
        if digest in names:
            raise MalformedKeys(f"{path}, line {number}: this digest is also in a line above")
        names[digest] = match["name"]
    return names


class ApiKeys:
    """The keys of one file."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raise MalformedKeys or OSError."""
        self._path = path
        self._version = read_version(path)
        self._names = load_keys(path)

    def find_owner(self, headers: Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str | bytes]]) -> str | None:
        """Return the name of the key's owner, or None. headers: of a request, or metadata of a gRPC call; names in lower case."""
        for key in find_keys(headers):
            name = self._names.get(sha256(key).digest())  # looked up by digest, so that the time does not depend on the key
            if name is not None:
                return name
        return None

    async def follow(self) -> None:
        """Read the file again whenever it changes; when it is malformed or missing, log an error and keep the previous keys."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Read the file again if it has changed."""
        version = read_version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._names = load_keys(self._path)
        except (MalformedKeys, OSError) as error:
            log.error("the file of API keys cannot be read, so the previous keys remain valid: %s", error)
        else:
            log.info("read %d API keys again", len(self._names))


def find_keys(headers: Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str | bytes]]) -> list[bytes]:
    """Return the keys that a request sends; scheme names are compared without case (RFC 9110, section 11.1)."""
    keys = []
    for name, value in headers:
        if name in (b"authorization", "authorization"):
            scheme, _, token = as_bytes(value).strip().partition(b" ")
            if scheme.lower() == b"bearer" and token.strip():
                keys.append(token.strip())
        elif name in (b"x-api-key", "x-api-key") and as_bytes(value).strip():
            keys.append(as_bytes(value).strip())
    return keys


def as_bytes(value: str | bytes) -> bytes:
    """Return the bytes that HTTP carries for this text."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def read_version(path: Path) -> tuple[int, int, int] | None:
    """Return numbers that change when the file is written or replaced; None when there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
