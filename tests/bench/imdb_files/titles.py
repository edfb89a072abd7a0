"""The rows of some titles in title.basics, title.crew, title.principals and title.ratings."""

import numpy as np
import polars as pl

from tests.bench.imdb_files.ids import Indexes
from tests.bench.imdb_files.words import draw, hide
from tests.bench.imdb_files.world import (
    DIRECTOR_POOL,
    KINDS,
    MOVIE_MINUTES,
    MOVIE_POOL,
    NOBODY,
    OTHER_POOL,
    PRESENT,
    SERIES,
    Titles,
    World,
    rate_people,
)

CATEGORIES = (
    *("actor", "actress", "self", "director", "writer", "producer", "cinematographer", "composer", "editor"),
    *("production_designer", "casting_director", "archive_footage"),
)
CATEGORY_SHARES = (0.23, 0.18, 0.12, 0.09, 0.11, 0.09, 0.05, 0.04, 0.05, 0.01, 0.01, 0.02)
WRITER, PRODUCER = CATEGORIES.index("writer"), CATEGORIES.index("producer")
DIRECTOR = CATEGORIES.index("director")
MOST_CREDITS = 40
MOVIE_CREDITS, OTHER_CREDITS = 10.33, 7.39
"""The mean number of a title's credits; of a movie's after the first one."""
RATED_MOVIES, RATED_OTHERS = 0.445, 0.11
MOST_VOTES = 3_100_000
PLACE = "place"
"""The column to sort by, which the file does not have."""


def make_basics(rng: np.random.Generator, world: World, titles: Titles) -> pl.DataFrame:
    count, movies = len(titles), titles.are_movies
    title = draw(rng, world.pools.titles, count)
    other = pl.when(pl.Series(rng.random(count) < 0.08)).then(draw(rng, world.pools.titles, count)).otherwise(title)
    has_end = (titles.kinds == SERIES) & (rng.random(count) < 0.6)
    return pl.DataFrame(
        {
            PLACE: titles.places,
            "titleType": pl.Series(KINDS).gather(titles.kinds),
            "primaryTitle": title,
            "originalTitle": pl.select(other).to_series(),
            "isAdult": (rng.random(count) < 0.013).astype(np.int64),
            "startYear": hide(rng, pl.Series(titles.years), 0.12),
            "endYear": pl.select(pl.when(pl.Series(has_end)).then(pl.Series(titles.years + 2))).to_series(),
            "runtimeMinutes": pl.select(
                pl.when(pl.Series(rng.random(count) >= np.where(movies, 0.34, 0.69))).then(pl.Series(titles.minutes))
            ).to_series(),
            "genres": hide(rng, draw(rng, world.pools.genres, count), 0.04),
        }
    )


def make_crew(rng: np.random.Generator, world: World, titles: Titles) -> pl.DataFrame:
    count = len(titles)
    first = world.people.render(np.maximum(titles.directors, 0))
    second, *writers = (world.people.render(world.draw_people(rng, count, DIRECTOR_POOL)) for _ in range(3))
    both, number = pl.Series(rng.random(count) < 0.08), pl.Series(rng.random(count))
    directors = pl.when(both).then(first + "," + second).otherwise(first)
    two = pl.when(number < 0.8).then(writers[0]).otherwise(writers[0] + "," + writers[1])
    return pl.DataFrame(
        {
            PLACE: titles.places,
            "directors": pl.select(pl.when(pl.Series(titles.directors != NOBODY)).then(directors)).to_series(),
            "writers": pl.select(pl.when(number >= 0.48).then(two)).to_series(),
        }
    )


def make_principals(rng: np.random.Generator, world: World, titles: Titles) -> tuple[pl.DataFrame, Indexes]:
    """Return the rows, and the first person of each title, NOBODY where it has no credit."""
    movies = titles.are_movies
    counts = np.minimum(rng.negative_binomial(3, 3 / (3 + np.where(movies, MOVIE_CREDITS, OTHER_CREDITS))) + movies, MOST_CREDITS)
    at, starts = np.repeat(np.arange(len(titles)), counts), np.cumsum(counts) - counts
    category = rng.choice(len(CATEGORIES), len(at), p=CATEGORY_SHARES)
    people = world.draw_people(rng, len(at), OTHER_POOL)
    of_movie = movies[at]
    people[of_movie] = world.draw_people(rng, int(of_movie.sum()), MOVIE_POOL)
    directs = (category == DIRECTOR) & (titles.directors[at] != NOBODY)
    people[directs] = titles.directors[at[directs]]
    leads = np.where(counts > 0, people[np.minimum(starts, len(at) - 1)], NOBODY)
    says = pl.Series(rng.random(len(at)))
    job, character = draw(rng, world.pools.jobs, len(at)), draw(rng, world.pools.characters, len(at))
    plays, works = pl.Series(category < 3), pl.Series((category == WRITER) | (category == PRODUCER))
    rows = pl.DataFrame(
        {
            PLACE: titles.places[at],
            "ordering": np.arange(len(at)) - starts[at] + 1,
            "nconst": world.people.render(people),
            "category": pl.Series(CATEGORIES).gather(category),
            "job": pl.select(pl.when(works & (says < 0.65)).then(job)).to_series(),
            "characters": pl.select(pl.when(plays & (says < 0.85)).then(character)).to_series(),
        }
    )
    return rows, leads


def make_ratings(rng: np.random.Generator, titles: Titles, leads: Indexes) -> pl.DataFrame:
    """Return the rows of the titles that have a rating. leads: the first person of each title.

    A rating depends on length and people, so that a model of some thousand movies beats the constant one.
    """
    count, movies = len(titles), titles.are_movies
    quality = 0.45 * rate_people(titles.directors) + 0.3 * rate_people(leads) + rng.normal(0, 0.9, count)
    length = np.where(movies, (titles.minutes - MOVIE_MINUTES) / 40, 0)
    rating = np.round(np.clip(np.where(movies, 6.2, 7.0) + quality + length, 1, 10), 1)
    votes = 5 + np.where(movies, rng.lognormal(4.1, 2.2, count), rng.lognormal(3.2, 1.4, count))
    has = (rng.random(count) < np.where(movies, RATED_MOVIES, RATED_OTHERS)) & (titles.years <= PRESENT)
    rows = {PLACE: titles.places, "averageRating": rating, "numVotes": np.minimum(votes, MOST_VOTES).astype(np.int64)}
    return pl.DataFrame(rows).filter(pl.Series(has))
