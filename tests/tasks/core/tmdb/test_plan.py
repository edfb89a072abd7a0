"""Which movies are asked for, in which order."""

from datetime import date, timedelta

import pyarrow as pa

from tasks.core.tmdb.plan import Asked, Plan, compute_plan, order_movies

DAY = date(2026, 11, 22)
EARLIER = DAY - timedelta(days=1)


def test_movies_come_most_voted_first_and_adult_ones_not_at_all() -> None:
    basics = pa.table({"movie_id": ["tt1", "tt2", "tt3", "tt4", "tt5"], "is_adult": [False, False, True, False, False]})
    ratings = pa.table({"movie_id": ["tt2", "tt3", "tt5", "tt9"], "num_votes": pa.array([7, 99, 7, 1], pa.int32())})
    assert order_movies(basics, ratings) == ["tt2", "tt5", "tt1", "tt4"]


def plan(changed: set[int], limit: int = 100, day: date = DAY) -> Plan:
    asked = {
        "tt1": Asked("found", 11, EARLIER),
        "tt2": Asked("absent", None, DAY - timedelta(days=30)),
        "tt3": Asked("absent", None, DAY - timedelta(days=29)),
        "tt4": Asked("quarantined", None, DAY - timedelta(days=90)),
        "tt5": Asked("found", 15, DAY),
        "tt0": Asked("found", 10, EARLIER),
    }
    return compute_plan(["tt5", "tt4", "tt3", "tt2", "tt1", "tt7", "tt6"], asked, changed, day, limit)


def test_nothing_that_is_known_is_asked_again() -> None:
    assert plan(set()) == Plan(["tt7", "tt6", "tt4", "tt2"], changed=0, changed_left=0, left=0)


def test_changed_movies_come_first_unless_they_were_asked_today() -> None:
    assert plan({11, 15, 10, 999}) == Plan(["tt0", "tt1", "tt7", "tt6", "tt4", "tt2"], changed=2, changed_left=0, left=0)


def test_a_limit_leaves_the_rest_to_later_runs() -> None:
    assert plan({11, 10}, limit=1) == Plan(["tt0"], changed=1, changed_left=1, left=5)
    assert plan({11}, limit=2) == Plan(["tt1", "tt7"], changed=1, changed_left=0, left=3)


def test_a_run_for_an_earlier_day_asks_for_new_movies_only() -> None:
    assert plan({11, 15, 10}, day=EARLIER - timedelta(days=1)).movie_ids == ["tt7", "tt6", "tt4"]
