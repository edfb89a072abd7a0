"""The rows of the five files, slice by slice, on a first day or on a later one on which a share of them has changed."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from tests.bench.imdb_files.change import change_rows, choose_new
from tests.bench.imdb_files.ids import Indexes, render_places
from tests.bench.imdb_files.titles import PLACE, make_basics, make_crew, make_principals, make_ratings
from tests.bench.imdb_files.words import draw, hide
from tests.bench.imdb_files.world import World, draw_titles

BASICS, RATINGS, CREW = "title.basics.tsv.gz", "title.ratings.tsv.gz", "title.crew.tsv.gz"
PRINCIPALS, NAMES = "title.principals.tsv.gz", "name.basics.tsv.gz"
FILES = (BASICS, RATINGS, CREW, PRINCIPALS, NAMES)
SLICE = 50_000
"""Titles, or people, that are in memory at a time."""
TITLE_STREAM, NEW_STREAM, PEOPLE_STREAM, CHANGE_STREAM = 1, 2, 3, 4
"""Each slice of each stream has random numbers of its own, so that a change of one leaves the others as they are."""

Frames = dict[str, pl.DataFrame]
"""Rows by the name of their file."""


def make_slices(world: World, changed: float) -> Iterator[Frames]:
    """Yield the rows of each slice, with the id as first column. changed: the share of rows that differ from the first day."""
    for number, start in enumerate(range(0, world.titles.count, SLICE)):
        indexes = np.arange(start, min(start + SLICE, world.titles.count))
        frames = draw_frames(world, TITLE_STREAM, number, world.titles.find_places(indexes))
        if changed:
            change_rows(frames, np.random.default_rng([world.seed, CHANGE_STREAM, number]), changed)
            places = world.titles.find_places(choose_new(indexes, changed), later=True)
            new = draw_frames(world, NEW_STREAM, number, places)
            frames = {name: pl.concat([rows, new[name]]).sort(PLACE, maintain_order=True) for name, rows in frames.items()}
        yield {name: with_id(rows, "tt", "tconst") for name, rows in frames.items()}
    for number, start in enumerate(range(0, world.people.count, SLICE)):
        indexes = np.arange(start, min(start + SLICE, world.people.count))
        names = {NAMES: make_names(np.random.default_rng([world.seed, PEOPLE_STREAM, number]), world, indexes)}
        if changed:
            change_rows(names, np.random.default_rng([world.seed, CHANGE_STREAM, number, 1]), changed)
        yield {NAMES: with_id(names[NAMES], "nm", "nconst")}


def draw_frames(world: World, stream: int, number: int, places: Indexes) -> Frames:
    """Return the rows of the titles at these places."""
    rng = np.random.default_rng([world.seed, stream, number])
    titles = draw_titles(rng, world, places)
    basics, crew = make_basics(rng, world, titles), make_crew(rng, world, titles)
    principals, leads = make_principals(rng, world, titles)
    return {BASICS: basics, RATINGS: make_ratings(rng, titles, leads), CREW: crew, PRINCIPALS: principals}


def make_names(rng: np.random.Generator, world: World, people: Indexes) -> pl.DataFrame:
    """Return the rows of these people; they are known for any titles, as people without a credit are."""
    count = len(people)
    known = [world.titles.render(rng.integers(0, world.titles.count, count)) for _ in range(3)]
    number = pl.Series(rng.random(count))
    two = pl.when(number < 0.75).then(known[0] + "," + known[1]).otherwise(known[0] + "," + known[1] + "," + known[2])
    known_for = pl.when(number >= 0.11).then(pl.when(number < 0.55).then(known[0]).otherwise(two))
    born = 2005 - (rng.random(count) * 110).astype(np.int64)
    return pl.DataFrame(
        {
            PLACE: world.people.find_places(people),
            "primaryName": draw(rng, world.pools.names, count),
            "birthYear": hide(rng, pl.Series(born), 0.955),
            "deathYear": hide(rng, pl.Series(np.minimum(born + 70, 2026)), 0.984),
            "primaryProfession": hide(rng, draw(rng, world.pools.professions, count), 0.2),
            "knownForTitles": pl.select(known_for).to_series(),
        }
    )


def with_id(rows: pl.DataFrame, letters: str, column: str) -> pl.DataFrame:
    """Return the rows with the id of their place as first column."""
    ids = render_places(letters, rows[PLACE].to_numpy()).alias(column)
    return rows.select(ids, pl.exclude(PLACE))
