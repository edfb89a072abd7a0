"""API keys: a file of names and digests, read again when it changes; it does not hold the keys themselves."""

import asyncio
import logging
import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

log = logging.getLogger("serving")

CHECK_SECONDS = 1.0
"""Between two looks at the file's time of change."""
_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._@-]{0,63})\s*:\s*(?P<digest>[0-9a-fA-F]{64})")

Names = Mapping[bytes, str]
"""The key's sha256, as 32 bytes -> its owner's name."""


class MalformedKeys(ValueError):
    """A line of the file is not `name:sha256hex`; the message has the line's number and not its content, which may be a key."""


def load_keys(path: Path) -> Names:
    """Read the file. Raise MalformedKeys, or OSError when it cannot be read.

    One name may have several keys, so that they can be replaced one after the other.
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
            raise MalformedKeys(f"{path}, line {number}: this digest also stands in a line above")
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
        """Return the name of the key's owner, or None. headers: of a request, or the metadata of a call; names in lower case."""
        for key in find_keys(headers):
            name = self._names.get(sha256(key).digest())  # by digest, so that the time it takes does not depend on the key
            if name is not None:
                return name
        return None

    async def follow(self) -> None:
        """Read the file again whenever it changes; when it has become malformed or is gone, log it and keep the keys."""
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
            log.error("the file of API keys cannot be read, so the keys stay as they were: %s", error)
        else:
            log.info("read %d API keys again", len(self._names))


def find_keys(headers: Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str | bytes]]) -> list[bytes]:
    """Return the keys that a request shows; scheme names are compared without case (RFC 9110, section 11.1)."""
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
