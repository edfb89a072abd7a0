"""Holds every movie of the sample's world with its life, and computes the movies' state on a day."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from infra.sources.sample_movies import MIN_VOTES, TODAY, Industry, Movie, make_movies
from infra.sources.sample_people import GENRES
from infra.sources.world.announcements import announce
from infra.sources.world.life import NEVER, Life, draw_life
from infra.sources.world.timeline import DRIFT_GENRES, DRIFT_LEVEL, Timeline

BEFORE = 0
"""The ordinal that stands for the announcement of the movies with which the world begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A movie with its life: as it was announced, or as the sources have it on a day."""

    movie: Movie
    life: Life


class Catalogue:
    """The movies of one world. Those announced by a day depend on the seed, the size and the timeline until that day alone."""

    def __init__(self, seed: int, movies: int, timeline: Timeline) -> None:
        self.seed, self.size, self.timeline = seed, movies, timeline
        rng = Random(seed)
        self._industry = Industry(rng, movies)
        first = make_movies(rng, self._industry, movies)
        self._announced = [self._begin(movie, BEFORE, may_be_merged=True) for movie in first]
        self._heirs = _find_heirs(self._announced)
        self._until = TODAY
        self._drift = timeline.intervals("drift")

    def _begin(self, movie: Movie, announced: int, *, may_be_merged: bool) -> Entry:
        return Entry(movie, draw_life(movie, announced, Random(f"{self.seed} life {movie.tconst}"), may_be_merged))

    def announced_until(self, day: date) -> list[Entry]:
        """Return every movie that is announced by the day, in order of announcement."""
        while self._until < day:
            self._until += timedelta(1)
            scenario = self.timeline.scenario_on(self._until)
            for movie in announce(self.seed, self.size, self._industry, self._until, scenario):
                self._announced.append(self._begin(movie, self._until.toordinal(), may_be_merged=False))
        if self._until == day:
            return self._announced
        last = day.toordinal()
        return [one for one in self._announced if one.life.announced <= last]

    def entries_on(self, day: date) -> list[Entry]:
        """Return the movies that the sources have on a day, in order of announcement: those announced, deleted ones left out."""
        ordinal = day.toordinal()
        announced = self.announced_until(day)
        votes = {one.movie.tconst: one.life.votes_on(ordinal) for one in announced}
        for merged, heir in self._heirs.items():
            if merged.life.gone_on <= ordinal:
                votes[heir] += votes[merged.movie.tconst]
        return [
            Entry(self._movie_on(one, ordinal, votes[one.movie.tconst]), one.life)
            for one in announced
            if ordinal < one.life.gone_on
        ]

    def _movie_on(self, one: Entry, day: int, votes: int) -> Movie:
        movie, life = one.movie, one.life
        renamed, corrected = day >= life.renamed_on, day >= life.corrected_on
        has_rating = votes >= MIN_VOTES
        if not (has_rating or votes or renamed or corrected or life.delayed_on < NEVER):
            return movie
        title = life.new_title if renamed else movie.title
        return replace(
            movie,
            title=title,
            original_title=title if movie.original_title == movie.title else movie.original_title,
            released=date.fromordinal(life.released_on(day)),
            minutes=max(46, movie.minutes + life.minutes) if corrected else movie.minutes,
            rating=self._rating_of(one, day, votes) if has_rating else None,
            votes=votes if has_rating else 0,
        )

    def _rating_of(self, one: Entry, day: int, votes: int) -> float:
        """Return the mean vote as IMDb shows it. In a drift, only the votes that arrive in it are of the new taste."""
        mean = one.life.mean_of(votes)
        drifted = sum(
            one.life.votes_on(min(day, end - 1)) - one.life.votes_on(start - 1)
            for start, end in zip(*self._drift, strict=True)
            if start <= day
        )
        if drifted:
            genre = sum(GENRES[name][1] for name in one.movie.genres) / len(one.movie.genres)
            mean += (DRIFT_LEVEL + DRIFT_GENRES * genre) * drifted / votes
        return round(min(9.8, max(1.0, mean)), 1)


def _find_heirs(announced: Iterable[Entry]) -> dict[Entry, str]:
    """Return, for each movie that is merged at some time, the movie that gets its votes: the last one before it that stays."""
    heirs: dict[Entry, str] = {}
    heir = None
    for one in announced:
        if one.life.gone_on == NEVER:
            heir = one.movie.tconst
        elif one.life.is_merged and heir is not None:
            heirs[one] = heir
    return heirs
