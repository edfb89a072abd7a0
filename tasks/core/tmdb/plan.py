"""The movies that one run asks TMDB for, and their order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pyarrow as pa

DAYS_UNTIL_ASKED_AGAIN = 30
"""For movies that TMDB did not know, and for movies with an answer in quarantine."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A movie's row of table tmdb_request."""

    outcome: str
    tmdb_id: int | None
    requested_on: date


@dataclass(frozen=True)
class Plan:
    """The movies of one run. Those that TMDB lists as changed come first."""

    movie_ids: list[str]
    """In the order to ask."""
    changed: int
    """The number of changed movies in `movie_ids`."""
    changed_left: int
    """The number of changed movies that are over the limit."""
    left: int
    """The number of all movies that are over the limit."""


def order_movies(basics: pa.Table, ratings: pa.Table) -> list[str]:
    """Return the ids of the movies that are not adult, by falling number of votes, then by id.

    basics: movie_id, is_adult; ratings: movie_id, num_votes, of any titles.
    """
    movies = pl.DataFrame(basics).filter(~pl.col("is_adult")).join(pl.DataFrame(ratings), on="movie_id", how="left")
    votes = movies.with_columns(pl.col("num_votes").fill_null(0))
    return votes.sort(["num_votes", "movie_id"], descending=[True, False])["movie_id"].to_list()


def compute_plan(movie_ids: Sequence[str], asked: Mapping[str, Asked], changed: Collection[int], day: date, limit: int) -> Plan:
    """Return the movies to ask for: the changed ones, then those never asked for, then those that TMDB did not know long ago.

    movie_ids: all movies, most voted first. asked: the ledger. changed: TMDB ids. limit: movies per run; the changed ones come
    first so that the limit does not lose them. A movie that was asked for on this day or later is left out: a change of this
    day is in tomorrow's list too.
    """
    ids = frozenset(changed)
    edited = [movie_id for movie_id, row in asked.items() if row.tmdb_id in ids and row.requested_on < day]
    edited.sort()
    new = [movie_id for movie_id in movie_ids if movie_id not in asked]
    before = day - timedelta(days=DAYS_UNTIL_ASKED_AGAIN)
    unknown = [movie_id for movie_id in movie_ids if movie_id in asked and is_due(asked[movie_id], before)]
    wanted = list(dict.fromkeys([*edited, *new, *unknown]))
    return Plan(wanted[:limit], min(len(edited), limit), max(0, len(edited) - limit), max(0, len(wanted) - limit))


def is_due(row: Asked, before: date) -> bool:
    """Return true for a movie without a record that was asked for on this day or earlier."""
    return row.outcome != "found" and row.requested_on <= before
