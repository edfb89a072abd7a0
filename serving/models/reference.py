"""Which registered model a deployment needs."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ModelReference:
    """One version in the MLflow registry; the digests tell apart versions of the same number after a registry was reset."""

    name: str
    version: str
    sha256: str
    """Of model.onnx."""
    release_sha256: str
    """Of release.json."""

    @property
    def folder(self) -> str:
        """The name of its folder in the cache."""
        identity = hashlib.sha256("\n".join((self.name, self.version, self.sha256, self.release_sha256)).encode()).hexdigest()
        return f"{identity[:32]}"


def parse_reference(fields: Mapping[str, Any]) -> ModelReference:
    """Parse the part `model` of a deployment. Raise ValueError, TypeError or KeyError naming what is wrong."""
    reference = ModelReference(
        name=str(fields["name"]),
        version=str(fields["version"]),
        sha256=str(fields["sha256"]),
        release_sha256=str(fields["release_sha256"]),
    )
    for digest in (reference.sha256, reference.release_sha256):
        if not _SHA256.match(digest):
            raise ValueError(f"{digest[:100]!r} is not a sha256")
    return reference
