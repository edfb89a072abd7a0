"""Verified catalogues on local disk, each named by its digest, and the note which of them was served last."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

from serving.prediction_set.database import PredictionDatabase
from serving.prediction_set.metadata import PredictionSetRejected

LAST_GOOD_FILE = "last_good.json"
ABANDONED_SECONDS = 3600.0
"""A file that a killed download left behind is deleted after this time."""


@dataclass(frozen=True, slots=True)
class PredictionSetCache:
    """`CATALOGUE_CACHE_DIR`; a file in it is complete or absent, since it arrives by one rename."""

    directory: Path

    def path(self, sha256: str) -> Path:
        return self.directory / f"{sha256}.sqlite"

    def open(self, sha256: str, day: date) -> PredictionDatabase | None:
        """Open the file of this digest; None when it is not here. A damaged one is deleted, and PredictionSetRejected raised."""
        path = self.path(sha256)
        if not path.exists():
            return None
        try:
            return PredictionDatabase.open(path, sha256, day)
        except PredictionSetRejected:
            path.unlink(missing_ok=True)
            raise

    def note_last_good(self, sha256: str, day: date) -> None:
        """Remember what a start without Redis shall serve."""
        temporary = self.directory / f"{LAST_GOOD_FILE}.{os.getpid()}"
        temporary.write_bytes(orjson.dumps({"sha256": sha256, "day": day}))
        temporary.replace(self.directory / LAST_GOOD_FILE)

    def open_last_good(self) -> PredictionDatabase | None:
        """Open the one served last; None when there was none; raises PredictionSetRejected."""
        try:
            note = orjson.loads((self.directory / LAST_GOOD_FILE).read_bytes())
            sha256, day = str(note["sha256"]), date.fromisoformat(note["day"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise PredictionSetRejected(f"{LAST_GOOD_FILE} is unreadable: {error}") from None
        catalogue = self.open(sha256, day)
        if catalogue is None:
            raise PredictionSetRejected(f"{self.path(sha256).name} is no longer in the cache")
        return catalogue

    def keep_only(self, digests: Iterable[str]) -> None:
        """Delete all other catalogues, so that the cache does not grow with every day; whoever has one open keeps it."""
        kept = {self.path(sha256) for sha256 in digests}
        for path in self.directory.glob("*.sqlite"):
            if path not in kept:
                path.unlink(missing_ok=True)
        for path in self.directory.glob("incoming-*"):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink(missing_ok=True)
