"""The scenarios of the sample's world, and the days from which each one acts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from infra.sources.sample_people import GENRES

SCENARIOS = {
    "none": "nothing unusual",
    "drift": "taste changes: new movies have other genres, and new votes judge genres the other way round and lower",
    "broken_ingest": "every fourth day is healthy; between two of them the files have half of the credits, no runtimes, and"
    " ratings times ten",
    "newcomers": "five times as many movies are announced, they come out soon, and nobody knows the people who make them",
}
"""Name -> what happens from its day on."""

DRIFT_LEVEL = -0.8
"""Change of the mean vote, on the scale of 1 to 10."""
DRIFT_GENRES = -2.2
"""Change of a vote for each point of a movie's mean genre effect: 1.1 times the effect, with the opposite sign."""
DRIFT_WEIGHTS = tuple(
    accumulate(often * {"Horror": 5, "Sci-Fi": 5, "Action": 3, "Drama": 0.3, "Comedy": 0.5}.get(name, 1)
               for name, (often, _, _) in GENRES.items())
)  # fmt: skip
"""Cumulated weights of the genres of movies that are announced after the change."""


@dataclass(frozen=True, slots=True)
class Change:
    """From `since` on, the scenario acts."""

    since: date
    scenario: str

    def __str__(self) -> str:
        return f"{self.scenario}@{self.since}"


@dataclass(frozen=True)
class Timeline:
    """The scenario of each day. Before the first change nothing unusual happens."""

    changes: tuple[Change, ...] = ()

    def scenario_on(self, day: date) -> str:
        """Return the name of the day's scenario."""
        return next((change.scenario for change in reversed(self.changes) if change.since <= day), "none")

    def since(self, day: date) -> date | None:
        """Return the day from which the day's scenario acts."""
        return next((change.since for change in reversed(self.changes) if change.since <= day), None)

    def intervals(self, scenario: str) -> tuple[list[int], list[int]]:
        """Return the first ordinals of the scenario's intervals, and the first ordinals after them."""
        ends = [*(change.since for change in self.changes[1:]), date.max]
        found = [(change.since, end) for change, end in zip(self.changes, ends, strict=False) if change.scenario == scenario]
        return [start.toordinal() for start, _ in found], [end.toordinal() for _, end in found]

    def with_change(self, since: date, scenario: str) -> "Timeline":
        """Return the timeline in which this scenario acts from a day on. What was planned for that day or later is dropped."""
        kept = [change for change in self.changes if change.since < since]
        if (kept[-1].scenario if kept else "none") == scenario:
            return Timeline(tuple(kept))
        return Timeline((*kept, Change(since, scenario)))


UNEVENTFUL = Timeline()


def parse_changes(texts: Iterable[str]) -> Timeline:
    """Parse texts such as `drift@2026-12-01`. Raise ValueError for an unknown name or a wrong day."""
    timeline = Timeline()
    for text in texts:
        scenario, at, day = text.partition("@")
        if scenario not in SCENARIOS or not at:
            raise ValueError(f"{text!r} is not a scenario; write one of {', '.join(SCENARIOS)}, then @YYYY-MM-DD")
        timeline = timeline.with_change(date.fromisoformat(day), scenario)
    return timeline
