"""Pools of texts to draw from: titles with stray quotes and letters of many scripts, names, jobs, characters, genres."""

from dataclasses import dataclass

import numpy as np
import polars as pl

SYLLABLES = "ka to ri ma sen lo de vi ar na ter en so la mi ron bel cha dor es fin gar é ü ñ жи дил の 映"
COMMON = ["The", "of", "and", "Episode", "in", "a", "Love", "Man", "Night", "Day", "de", "La"]
WORDS = 20_000
GENRES = (
    "Drama Comedy Documentary Romance Action Crime Thriller Horror Adventure Animation Family Mystery Sci-Fi Fantasy Talk-Show"
    " News Reality-TV Music Short Biography History War Western Sport Musical Game-Show"
)
PROFESSIONS = "actor actress director writer producer soundtrack miscellaneous camera_department editor composer art_department"
JOBS = ["producer", "executive producer", "written by", "screenplay", "story by", 'segment "A"', "director of photography"]


@dataclass(frozen=True)
class Pools:
    """The texts of one seed."""

    titles: pl.Series
    names: pl.Series
    characters: pl.Series
    jobs: pl.Series
    genres: pl.Series
    professions: pl.Series


def make_pools(seed: int) -> Pools:
    """Return the pools of this seed: a few megabytes."""
    rng = np.random.default_rng([seed, 0])
    syllables = SYLLABLES.split()
    made = ("".join(rng.choice(syllables, rng.integers(2, 5))).capitalize() for _ in range(WORDS))
    words = [*COMMON, *made]
    titles = phrases(rng, words, 100_000, 6)
    stray = rng.random(len(titles))
    quoted = pl.when(pl.Series(stray < 0.003)).then('"' + titles).when(pl.Series(stray < 0.008)).then('"' + titles + '"')
    return Pools(
        titles=pl.select(quoted.otherwise(titles)).to_series(),
        names=phrases(rng, words, 20_000, 1) + " " + phrases(rng, words, 20_000, 2),
        characters='["' + phrases(rng, words, 50_000, 2) + '"]',
        jobs=pl.Series(JOBS),
        genres=lists(rng, GENRES.split(), 3),
        professions=lists(rng, PROFESSIONS.split(), 3),
    )


def phrases(rng: np.random.Generator, words: list[str], count: int, longest: int) -> pl.Series:
    """Return texts of one word to `longest` words; a third of the words are common ones."""
    lengths = rng.integers(1, longest + 1, count)
    ends = np.cumsum(lengths)
    which = np.where(rng.random(ends[-1]) < 1 / 3, rng.integers(0, len(COMMON), ends[-1]), rng.integers(0, len(words), ends[-1]))
    drawn = [words[number] for number in which]
    spans = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
    return pl.Series([" ".join(drawn[start:end]) for start, end in spans])


def lists(rng: np.random.Generator, items: list[str], longest: int) -> pl.Series:
    """Return lists of different items, with commas between; the first items of `items` are the most frequent."""
    share = 1 / np.arange(1, len(items) + 1)
    drawn = (rng.choice(items, rng.integers(1, longest + 1), replace=False, p=share / share.sum()) for _ in range(2_000))
    return pl.Series([",".join(row) for row in drawn])


def draw(rng: np.random.Generator, pool: pl.Series, count: int) -> pl.Series:
    """Return `count` texts of the pool."""
    return pool.gather(rng.integers(0, len(pool), count))


def hide(rng: np.random.Generator, values: pl.Series, share: float) -> pl.Series:
    """Return the values with this share of nulls among them."""
    return pl.select(pl.when(pl.Series(rng.random(len(values)) >= share)).then(values)).to_series()
