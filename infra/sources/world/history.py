"""Lists the events of the sample's world by day: TMDB's list of changes, and a day's news in one line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from infra.sources.world.catalogue import Entry
from infra.sources.world.life import EDITED_EVERY_DAYS, Life

SETTLED_DAYS = 180
"""A movie's rating counts as settled this many days after its release."""


def list_changes(entries: Iterable[Entry], start: date, end: date) -> Iterator[tuple[date, int]]:
    """Yield (day, TMDB id) of every change from `start` to `end`, inclusive. entries: as announced."""
    first, last = start.toordinal(), end.toordinal()
    for entry in entries:
        for day in sorted({day for day in _days_of_change(entry.life, first, last) if first <= day <= last}):
            if entry.life.announced <= day <= entry.life.gone_on:
                yield date.fromordinal(day), entry.movie.tmdb_id


def _days_of_change(life: Life, first: int, last: int) -> Iterator[int]:
    """Yield days on which TMDB's answer changes, and perhaps days outside the range."""
    yield from (life.announced, life.renamed_on, life.corrected_on, life.delayed_on, life.gone_on, life.released_on(last))
    edit = first + (life.edit_phase - first) % EDITED_EVERY_DAYS
    yield edit


def tell(before: Sequence[Entry], after: Sequence[Entry], start: date, end: date) -> str:
    """Return what happened after the day `start` until `end`. before, after: the movies that the sources had then and have now.

    Example: `announced 2, released 31, new votes 4,210, settled 12, corrected 3, renamed 1, merged 0, deleted 1`.
    """
    first, last = start.toordinal(), end.toordinal()
    here = {entry.movie.tconst for entry in after}
    votes = sum(entry.movie.votes for entry in after) - sum(entry.movie.votes for entry in before)
    counts = Counter[str]()
    for entry in after:
        life = entry.life
        released = life.released_on(last)
        days = (
            *(("announced", life.announced), ("released", released), ("settled", released + SETTLED_DAYS)),
            *(("corrected", life.corrected_on), ("renamed", life.renamed_on), ("put off", life.delayed_on)),
        )
        counts.update(name for name, day in days if first < day <= last)
    gone = [entry.life for entry in before if entry.movie.tconst not in here]
    counts["merged"] = sum(life.is_merged for life in gone)
    counts["deleted"] = len(gone) - counts["merged"]
    names = ("settled", "corrected", "renamed", "put off", "merged", "deleted")
    told = [f"announced {counts['announced']:,}", f"released {counts['released']:,}", f"new votes {votes:,}"]
    return ", ".join([*told, *(f"{name} {counts[name]:,}" for name in names)])
