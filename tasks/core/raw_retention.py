"""Selects IMDb's raw files to keep: those of the newest days, of one day a month, and of the days of kept deployments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Version:
    """The bytes that a day's ingest had last of one file."""

    name: str
    raw_key: str
    day: date


def find_kept_days(days: Collection[date], newest: int, deployed: Collection[date]) -> set[date]:
    """Return the days that can be built again: the newest ones, the first of each month, and those of kept deployments.

    days: those with an ingest. newest: their number to keep. A deployment of a day without an ingest has the files of the last
    ingest before it.
    """
    ordered = sorted(days)
    first_of_month: dict[tuple[int, int], date] = {}
    for day in ordered:
        first_of_month.setdefault((day.year, day.month), day)
    earlier = (max((day for day in ordered if day <= deployment), default=None) for deployment in deployed)
    return {*ordered[-newest:], *first_of_month.values(), *(day for day in earlier if day is not None)}


def find_unneeded(versions: Sequence[Version], kept_days: Collection[date]) -> list[str]:
    """Return the keys of the versions that no kept day has. versions: in the order in which they came."""
    needed: set[str] = set()
    for day in kept_days:
        needed.update({version.name: version.raw_key for version in versions if version.day <= day}.values())
    return sorted({version.raw_key for version in versions} - needed)
