"""Which snapshots of the offline store, and which of its files, are not needed any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version of the offline store."""

    snapshot_id: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store's folder."""

    path: str
    written_at: datetime
    size: int
    """Bytes."""


def find_expired(snapshots: Sequence[Snapshot], current: int | None, needed: Collection[int], before: datetime) -> list[Snapshot]:
    """Return the snapshots made before this moment that nothing needs, the oldest first; never the current one."""
    kept = {current, *needed}
    expired = [snapshot for snapshot in snapshots if snapshot.made_at < before and snapshot.snapshot_id not in kept]
    return sorted(expired, key=lambda snapshot: (snapshot.made_at, snapshot.snapshot_id))


def find_unreferenced(files: Sequence[StoredFile], referenced: Collection[str], before: datetime) -> list[StoredFile]:
    """Return the files that nothing refers to. Those written since `before` may belong to a commit that is under way."""
    return [file for file in files if file.path not in referenced and file.written_at < before]
