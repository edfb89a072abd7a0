"""The movies that one run asks TMDB for, and their order, from the movies and the ledger of requests."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import psycopg

RECENT_YEARS = 2
"""Movies to come and of so many years before are asked for first: they are the ones whose ratings are not known."""
DAYS_UNTIL_ASKED_AGAIN, MOST_DAYS_UNTIL_ASKED_AGAIN = 30, 480
"""For a movie without a usable answer: first after 30 days, then whenever the time without one has doubled."""

_MOVIES = b"""
    select movie_id, changes.tmdb_id is not null and asked.requested_on < %(day)s as changed
    from movie full join tmdb_request asked using (movie_id) left join rating using (movie_id)
        left join unnest(%(changed)s::bigint[]) as changes (tmdb_id) using (tmdb_id)
    where (changes.tmdb_id is not null and asked.requested_on < %(day)s)
        or (not is_adult and asked.movie_id is null)
        or (not is_adult and outcome <> 'found'
            and %(day)s - requested_on >= least(greatest(requested_on - blank_since, %(days)s), %(most_days)s))
    order by changed desc, asked.movie_id is not null, coalesce(start_year >= %(recent)s, false) desc,
        coalesce(num_votes, 0) desc, start_year is not null, movie_id"""


@dataclass(frozen=True)
class Plan:
    """The movies of one run, in the order to ask. Those that TMDB lists as changed come first."""

    movie_ids: list[str]
    changed: int
    """The number of changed movies in `movie_ids`."""


def read_plan(conn: psycopg.Connection, changed: Collection[int], day: date) -> Plan:
    """Return the movies to ask for: the changed ones, those never asked for, then those that TMDB did not know long ago.

    changed: TMDB ids. Among the movies never asked for, those to come and of the last two years are first, then the most voted;
    those without a year, which are not known to be released, precede others without votes. Adult movies are not asked for. A
    movie that was asked for on this day or later is left out: a change of this day is in tomorrow's list too.
    """
    values = {"changed": sorted(set(changed)), "day": day, "recent": day.year - RECENT_YEARS}
    days = {"days": DAYS_UNTIL_ASKED_AGAIN, "most_days": MOST_DAYS_UNTIL_ASKED_AGAIN}
    rows = conn.execute(_MOVIES, {**values, **days}).fetchall()
    return Plan([movie_id for movie_id, _ in rows], sum(is_changed is True for _, is_changed in rows))


def count_movies(conn: psycopg.Connection) -> tuple[int, int]:
    """Return the number of movies, and of those that were asked for."""
    query = "select count(*), count(asked.movie_id) from movie left join tmdb_request asked using (movie_id)"
    movies, asked = conn.execute(query).fetchone() or (0, 0)
    return movies, asked
