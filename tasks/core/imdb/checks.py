"""Rejects a new file that is older or much smaller than the current one."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from tasks.core.errors import BadInput

SMALLEST_SHARE = 0.5
"""The share of the current file's rows that a new file must at least have."""


@dataclass(frozen=True)
class Counts:
    """The numbers of a file's lines by outcome; the header is not counted."""

    loaded: int = 0
    skipped: int = 0
    quarantined: int = 0

    @property
    def lines(self) -> int:
        return self.loaded + self.skipped + self.quarantined


def describe_override(name: str) -> str:
    """Return the instruction for loading a file that these checks reject."""
    statement = "update ingested_file set is_current = false where name ="
    return f"if the file is right, run this in the movies database and start the task again: {statement} '{name}'"


def check_volume(name: str, new: Counts, current: Counts) -> None:
    """Raise BadInput if the new file has less than half the rows of the current one, or loads less than half as many.

    The second is not known where the current file was loaded whole, by a release that did not choose the rows by their ids.
    """
    is_small = new.loaded + new.skipped < (current.loaded + current.skipped) * SMALLEST_SHARE
    if is_small or (current.skipped and new.loaded < current.loaded * SMALLEST_SHARE):
        raise BadInput(
            f"{name} has {new.loaded} rows to load and {new.skipped} others, the current file has {current.loaded} and"
            f" {current.skipped}; {describe_override(name)}"
        )


def check_newer(name: str, new: str | None, current: str | None) -> None:
    """Raise BadInput if the new file's Last-Modified is before the current one's; a file without one passes."""
    new_time, current_time = parse_http_time(new), parse_http_time(current)
    if new_time and current_time and new_time < current_time:
        raise BadInput(f"{name} is of {new}, older than the current file of {current}; {describe_override(name)}")


def parse_http_time(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
