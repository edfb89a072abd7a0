"""Verified prediction databases on local disk, each named by its digest."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serving.prediction_set.database import PredictionDatabase
from serving.prediction_set.metadata import PredictionSetRejected

ABANDONED_SECONDS = 3600.0
"""Age after which the partial file of a killed download is deleted."""


@dataclass(frozen=True, slots=True)
class PredictionSetCache:
    """A folder of prediction databases. A file in it is complete or absent, because one rename creates it."""

    directory: Path

    def path(self, sha256: str) -> Path:
        """Return the path of the file with this digest."""
        return self.directory / f"{sha256}.sqlite"

    def open(self, sha256: str) -> PredictionDatabase | None:
        """Open the file with this digest; return None when it is absent. Delete a damaged file; raise PredictionSetRejected."""
        path = self.path(sha256)
        if not path.exists():
            return None
        try:
            return PredictionDatabase.open(path, sha256)
        except PredictionSetRejected:
            path.unlink(missing_ok=True)
            raise

    def keep_only(self, digests: Iterable[str]) -> None:
        """Delete all other files, so that the cache does not grow every day; a worker can still read a file that it has open."""
        kept = {self.path(sha256) for sha256 in digests}
        for path in self.directory.glob("*.sqlite"):
            if path not in kept:
                path.unlink(missing_ok=True)
        for path in self.directory.glob("incoming-*"):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink(missing_ok=True)
