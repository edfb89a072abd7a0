"""The titles and people of one seed at one scale, and how they are drawn: kinds and years as IMDb has, a few busy people."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tests.bench.imdb_files.ids import IdSpace, Indexes, scatter
from tests.bench.imdb_files.words import Pools, make_pools

TITLES, PEOPLE = 12_000_000, 14_500_000
"""Of IMDb in 2026, which is scale 1."""
KINDS = (
    *("tvEpisode", "short", "movie", "video", "tvSeries", "tvMovie"),
    *("tvMiniSeries", "tvSpecial", "videoGame", "tvShort", "tvPilot"),
)
SHARES = (0.75594, 0.092, 0.06, 0.027, 0.0245, 0.01266, 0.0105, 0.0096, 0.007, 0.0007, 0.0001)
MOVIE, SERIES, TV_MOVIE = KINDS.index("movie"), KINDS.index("tvSeries"), KINDS.index("tvMovie")
PRESENT, LATEST, OLDEST = 2026, 2028, 1894
"""Years."""
MOVIE_POOL, OTHER_POOL, DIRECTOR_POOL = 0.3, 0.9, 0.06
"""The share of people among whom those of movies, of other titles, and the directors are."""
MOVIE_MINUTES = 92
NOBODY = -1
SPREAD = 15_485_863
"""A prime above PEOPLE, by which people of neighbouring ranks are far apart in the file."""


@dataclass(frozen=True)
class World:
    """Everything that is drawn once; the rows are drawn slice by slice."""

    seed: int
    titles: IdSpace
    people: IdSpace
    pools: Pools

    @classmethod
    def make(cls, scale: float, seed: int) -> Self:
        return cls(seed, IdSpace("tt", round(TITLES * scale)), IdSpace("nm", round(PEOPLE * scale)), make_pools(seed))

    def draw_people(self, rng: np.random.Generator, count: int, pool: float) -> Indexes:
        """Return indexes of people; the busiest have thousands of titles. pool: the share of people to draw from."""
        ranks = (max(1, self.people.count * pool) * rng.random(count) ** 2).astype(np.int64)
        return ranks * SPREAD % self.people.count


@dataclass(frozen=True)
class Titles:
    """Some titles, in the order of their places, by column."""

    places: Indexes
    kinds: NDArray[np.int64]
    """Indexes of KINDS."""
    years: NDArray[np.int64]
    minutes: NDArray[np.int64]
    directors: Indexes
    """NOBODY where the title has none."""
    are_movies: NDArray[np.bool_]
    """True for the kinds that ingest_imdb loads."""

    def __len__(self) -> int:
        return len(self.places)


def draw_titles(rng: np.random.Generator, world: World, places: Indexes) -> Titles:
    """Return titles of these places."""
    count = len(places)
    kinds = rng.choice(len(KINDS), count, p=SHARES)
    years = LATEST - np.minimum(rng.gamma(1.5, 15, count), LATEST - OLDEST).astype(np.int64)
    are_movies = (kinds == MOVIE) | (kinds == TV_MOVIE)
    lengths = np.where(are_movies, rng.normal(MOVIE_MINUTES, 24, count), rng.gamma(2, 18, count))
    directors = world.draw_people(rng, count, DIRECTOR_POOL)
    directors[rng.random(count) >= np.where(are_movies, 0.96, 0.56)] = NOBODY
    return Titles(
        places, kinds, years, np.clip(lengths, np.where(are_movies, 40, 1), 400).astype(np.int64), directors, are_movies
    )


def rate_people(people: Indexes) -> NDArray[np.float64]:
    """Return how good each is, of mean 0 and deviation 1, 0 for NOBODY; so that ratings can be learned from people."""
    return np.where(people == NOBODY, 0, (scatter(people, 2) - 0.5) * np.sqrt(12))
