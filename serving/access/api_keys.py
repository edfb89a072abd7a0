"""API keys: a file of names and digests, read again when it changes; the keys themselves are nowhere here."""

import asyncio
import logging
import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

log = logging.getLogger("serving")

LOOK_SECONDS = 1.0
"""How often the file is looked at."""
_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._@-]{0,63})\s*:\s*(?P<digest>[0-9a-fA-F]{64})")

Names = Mapping[bytes, str]
"""The key's sha256, as 32 bytes -> its owner's name."""


class MalformedKeys(ValueError):
    """A line of the keys' file is not `name:sha256hex`; the message has its number and not its content, which may be a key."""


def load_keys(path: Path) -> Names:
    """Read the file; raises MalformedKeys, or OSError where it cannot be read. One name may have several keys, to change them."""
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
            raise MalformedKeys(f"{path}, line {number}: the same key stands in a line above")
        names[digest] = match["name"]
    return names


class ApiKeys:
    """The keys of one file, and whose a request's is."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises MalformedKeys or OSError."""
        self._path = path
        self._seen = stamp(path)
        self._names = load_keys(path)

    def name_of(self, headers: Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str | bytes]]) -> str | None:
        """Whose key is among the headers of a request, or the metadata of a call, their names in lower case; None: nobody's."""
        for key in given_keys(headers):
            name = self._names.get(sha256(key).digest())  # looked up by digest, so that the time taken tells nothing of the key
            if name is not None:
                return name
        return None

    async def follow(self) -> None:
        """Read the file again whenever it changes; one that became malformed or went away changes nothing, and it is said."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Look at the file once."""
        now = stamp(self._path)
        if now == self._seen:
            return
        self._seen = now
        try:
            self._names = load_keys(self._path)
        except (MalformedKeys, OSError) as error:
            log.error("the API keys stay as they were: %s", error)
        else:
            log.info("API keys read again: %d", len(self._names))


def given_keys(headers: Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str | bytes]]) -> list[bytes]:
    """The keys that a request shows; scheme names are compared without case, as RFC 9110 has it."""
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
    """Text as HTTP carries it."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file is written or replaced; None: it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
