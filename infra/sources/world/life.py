"""The life of a movie in the sample's world: all that chance decides about it, drawn once, so that any day can be computed."""

from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random

from infra.sources.sample_movies import MIN_VOTES, SURPRISE, TODAY, Movie, Reception, draw_reception, expected_rating
from infra.sources.sample_words import make_title

NEVER = 10_000_000
"""Ordinal of a day that does not come."""
YEAR = 365.25
RENAMED_PER_YEAR, CORRECTED_PER_YEAR, DELETED_PER_YEAR, MERGED_PER_YEAR = 0.02, 0.12, 0.006, 0.004
"""Shares of the movies."""
DELAYED = 0.15
"""Share of the announced movies that come out later than announced, once."""
NEVER_DELETED = 5_000
"""A movie with as large an audience is neither deleted nor merged."""
GROWTH_PER_YEAR = 0.01
"""New votes of a year, as a share of the audience, once the first wave is over."""
LEVELS = 13
"""Powers of 4 at which the deviation of a finite number of votes is drawn; between two of them it is interpolated."""
TASTE = 2.0
"""Standard deviation of one vote around the movie's merit."""
EDITED_EVERY_DAYS = 1400
"""Days between two edits of a movie at TMDB, so that 1 % of the movies are edited in two weeks."""


@dataclass(frozen=True, slots=True)
class Life:
    """Days are ordinals (`date.toordinal`)."""

    announced: int
    planned: int
    """The release date as announced."""
    delayed_on: int
    """The day on which the release is put off; NEVER if it is not."""
    delay: int
    audience: int
    merit: float
    half: float
    """Days after release until half of the audience has voted."""
    deviations: tuple[float, ...]
    """Standard normal draws, one for each of LEVELS."""
    is_known_to_tmdb: bool
    renamed_on: int
    new_title: str
    corrected_on: int
    minutes: int
    """Minutes that the correction adds."""
    gone_on: int
    is_merged: bool
    """True if the movie is merged into another one on `gone_on`, false if it is deleted."""
    edit_phase: int

    def released_on(self, day: int) -> int:
        """Return the release date as known on a day. It changes only before the release."""
        return self.planned + (self.delay if day >= self.delayed_on else 0)

    def votes_on(self, day: int) -> int:
        """Return the votes until the end of a day: none before release, never fewer later."""
        age = day - self.released_on(day)
        if age < 0:
            return 0
        arrived = (age + 1) / (age + 1 + self.half)
        years = max(0, day - max(_START, self.planned)) / YEAR
        return int(self.audience * (arrived + GROWTH_PER_YEAR * years))

    def mean_of(self, votes: int) -> float:
        """Return the mean of the first votes, unlimited. It deviates from the merit by about TASTE / sqrt(votes)."""
        level = log(votes, 4)
        low = min(int(level), LEVELS - 2)
        share = min(1.0, level - low)
        mixed = (1 - share) * self.deviations[low] + share * self.deviations[low + 1]
        return self.merit + TASTE / sqrt(votes) * mixed / sqrt((1 - share) ** 2 + share**2)


_START = TODAY.toordinal()


def draw_life(movie: Movie, announced: int, rng: Random, may_be_merged: bool) -> Life:
    """Return the life of a movie. rng: the movie's own generator."""
    planned = movie.released.toordinal()
    # `make_movies` has drawn the reception of the movies that were released by then.
    reception = movie.reception if movie.released <= TODAY else draw_reception(rng, movie)
    reception = reception or _unseen(rng, movie)
    ahead = planned - max(announced, _START)
    delayed_on = max(announced, _START) + 1 + int(rng.random() * (ahead - 2)) if ahead > 30 and rng.random() < DELAYED else NEVER
    since = max(_START, announced)
    renamed, corrected, gone = (
        since + 1 + int(rng.expovariate(rate) * YEAR)
        for rate in (RENAMED_PER_YEAR, CORRECTED_PER_YEAR, DELETED_PER_YEAR + MERGED_PER_YEAR)
    )
    is_merged = may_be_merged and rng.random() < MERGED_PER_YEAR / (DELETED_PER_YEAR + MERGED_PER_YEAR)
    return Life(
        announced=announced,
        planned=planned,
        delayed_on=delayed_on,
        delay=rng.randint(20, 150),
        audience=reception.audience,
        merit=reception.merit,
        half=rng.lognormvariate(log(30), 0.7),
        deviations=tuple(rng.gauss(0, 1) for _ in range(LEVELS)),
        is_known_to_tmdb=rng.random() < 1 / (1 + exp(-(reception.audience**0.25 - 2.9))),
        renamed_on=renamed,
        new_title=make_title(rng),
        corrected_on=corrected,
        minutes=rng.choice((-12, -7, -3, 2, 4, 9)),
        gone_on=gone if reception.audience < NEVER_DELETED else NEVER,
        is_merged=is_merged,
        edit_phase=rng.randrange(EDITED_EVERY_DAYS),
    )


def _unseen(rng: Random, movie: Movie) -> Reception:
    """Return the reception of a movie that stays below MIN_VOTES for many years."""
    return Reception(rng.randrange(MIN_VOTES), expected_rating(movie) + rng.gauss(0, SURPRISE) + 0.1)
