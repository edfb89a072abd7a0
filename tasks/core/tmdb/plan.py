"""Which films to ask TMDB for, in which order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pyarrow as pa

DAYS_UNTIL_ASKED_AGAIN = 30
"""For films that TMDB did not know, or answered of with nonsense."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A film's row of table tmdb_request."""

    outcome: str
    tmdb_id: int | None
    requested_on: date


@dataclass(frozen=True)
class Plan:
    """Films in the order to ask; the first `changed` of them because TMDB says so. `left` had no place in this run."""

    movie_ids: list[str]
    changed: int
    changed_left: int
    left: int


def order_movies(basics: pa.Table, ratings: pa.Table) -> list[str]:
    """Ids of films that are not adult, most voted first, then by id.

    basics: movie_id, is_adult; ratings: movie_id, num_votes, of any titles.
    """
    films = pl.DataFrame(basics).filter(~pl.col("is_adult")).join(pl.DataFrame(ratings), on="movie_id", how="left")
    votes = films.with_columns(pl.col("num_votes").fill_null(0))
    return votes.sort(["num_votes", "movie_id"], descending=[True, False])["movie_id"].to_list()


def compute_plan(films: Sequence[str], asked: Mapping[str, Asked], changed: Collection[int], day: date, limit: int) -> Plan:
    """Changed films come first, so that a limit never loses them; then the films never asked of; then the old blanks.

    A film asked on this day or later is not asked again: a change of this day is in tomorrow's list too.
    """
    ids = frozenset(changed)
    edited = [film for film, row in asked.items() if row.tmdb_id in ids and row.requested_on < day]
    edited.sort()
    new = [film for film in films if film not in asked]
    before = day - timedelta(days=DAYS_UNTIL_ASKED_AGAIN)
    blank = [film for film in films if film in asked and asked[film].outcome != "found" and asked[film].requested_on <= before]
    every = list(dict.fromkeys([*edited, *new, *blank]))
    return Plan(every[:limit], min(len(edited), limit), max(0, len(edited) - limit), max(0, len(every) - limit))
