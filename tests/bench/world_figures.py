"""Figures of the sample's world, computed in this process: the time to serve a day, and the error of published predictions."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from math import sqrt
from typing import Any, TypeVar

from infra.sources.sample_imdb import HEADERS
from infra.sources.world.catalogue import Entry
from infra.sources.world.history import SETTLED_DAYS
from infra.sources.world.timeline import UNEVENTFUL
from infra.sources.world.world import FIRST_DAY, World
from tasks.core.model.training import MIN_LABEL_VOTES

T = TypeVar("T")
SERVED_MOVIES, SERVED_BODIES = 20_000, 1_000
SERVED_SECONDS = 2.0
"""Of the processor, for the next day of SERVED_MOVIES movies: the day itself, IMDb's five files, TMDB's SERVED_BODIES answers."""


def time_a_day() -> dict[str, list[float]]:
    """Return [seconds, seconds of the processor] for each step of serving the day after one that is served already."""
    world = World(1, SERVED_MOVIES, UNEVENTFUL)
    world.day(FIRST_DAY + timedelta(365))
    day, making = time_step(lambda: world.day(FIRST_DAY + timedelta(366)))
    _, files = time_step(lambda: [day.render_imdb(name) for name in HEADERS])
    _, bodies = time_step(lambda: [day.render_tmdb(entry) for entry in islice(day.by_imdb_id.values(), SERVED_BODIES)])
    return {"day": making, "files": files, "bodies": bodies}


def time_step(step: Callable[[], T]) -> tuple[T, list[float]]:
    began, used = time.monotonic(), time.process_time()
    result = step()
    return result, [round(time.monotonic() - began, 2), round(time.process_time() - used, 2)]


def compute_matured_errors(world: World, published: Mapping[date, Mapping[str, float]], end: date) -> list[dict[str, Any]]:
    """Return, for each day of publication, the RMSE of its ratings of movies whose own ratings have matured by the day `end`.

    published: by day, the published rating of each movie. Matured movies are counted in two ways: `settled`, those that had not
    been out for SETTLED_DAYS when their rating was published, and have been now; `labelled`, those that had too few votes for a
    label then, and have enough now.
    """
    now = {entry.movie.tconst: entry for entry in world.day(end).entries}
    errors = []
    for day, ratings in published.items():
        then = [entry for entry in world.day(day).entries if entry.movie.tconst in now.keys() & ratings.keys()]
        matured = {
            "settled": [one for one in then if not is_settled(one, day) and is_settled(now[one.movie.tconst], end)],
            "labelled": [one for one in then if not has_label(one) and has_label(now[one.movie.tconst])],
        }
        pairs = {name: [(ratings[one.movie.tconst], now[one.movie.tconst]) for one in movies] for name, movies in matured.items()}
        errors.append({"day": f"{day}", **{name: measure(each) for name, each in pairs.items()}})
    return errors


def is_settled(entry: Entry, day: date) -> bool:
    return (day - entry.movie.released).days >= SETTLED_DAYS


def has_label(entry: Entry) -> bool:
    return entry.movie.rating is not None and entry.movie.votes >= MIN_LABEL_VOTES


def measure(pairs: Sequence[tuple[float, Entry]]) -> dict[str, float | None]:
    """Return the number of movies that have a rating now, and the RMSE of the published ratings; None without a movie."""
    squares = [(rating - entry.movie.rating) ** 2 for rating, entry in pairs if entry.movie.rating is not None]
    return {"movies": len(squares), "rmse": round(sqrt(sum(squares) / len(squares)), 4) if squares else None}
