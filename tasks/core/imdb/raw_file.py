"""A published file as it was fetched, and its version in the words of the HTTP server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Validators:
    """The ETag and the Last-Modified of a version of a file, as the HTTP server sent them; either may be missing."""

    etag: str | None
    last_modified: str | None

    @property
    def condition(self) -> str | None:
        """Return the value for If-Range, where a weak ETag is not allowed (RFC 9110, 13.1.5)."""
        return self.last_modified if self.etag is None or self.etag.startswith("W/") else self.etag


@dataclass(frozen=True)
class RawFile:
    """One published file as fetched; its bytes are in the bucket, at `raw_key`."""

    name: str
    raw_key: str
    sha256: str
    bytes: int
    validators: Validators
