"""The reference of a deployment to its registered model."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ModelReference:
    """One version in the MLflow registry; its digests distinguish versions with the same number after a registry reset."""

    name: str
    version: str
    sha256: str
    """Digest of model.onnx."""
    release_sha256: str
    """Digest of release.json."""

    @property
    def folder(self) -> str:
        """Return the name of its folder in the cache."""
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
