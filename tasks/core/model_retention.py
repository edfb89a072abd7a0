"""Which training runs are kept: the newest ones, and those of model versions that something refers to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run of the experiment, with the versions of the model that were registered from it."""

    run_id: str
    started_at: int
    """Milliseconds since 1970."""
    versions: tuple[str, ...]


def find_unneeded(runs: Sequence[TrainingRun], newest: int, needed_versions: Collection[str]) -> list[TrainingRun]:
    """Return the runs to remove, the oldest first: neither among the newest nor with a version that is needed."""
    ordered = sorted(runs, key=lambda run: (run.started_at, run.run_id))
    return [run for run in ordered[:-newest] if not set(run.versions) & set(needed_versions)]
