"""Track records are point-in-time: nothing of the same day or later, nothing of the movie itself."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.features.track_record import MIN_VOTES, compute_track_record
from tests.tasks.core.features.frames import ratings

TODAY = date(2026, 11, 22)


def released(**days: date | tuple[date, date]) -> pl.DataFrame:
    spans = {movie: day if isinstance(day, tuple) else (day, day) for movie, day in days.items()}
    return pl.DataFrame([{"movie_id": movie, "released_from": a, "released_until": b} for movie, (a, b) in spans.items()])


def made_by(member: str, *movies: str) -> pl.DataFrame:
    return pl.DataFrame({"movie_id": movies, "member": [member] * len(movies)})


def record(
    links: pl.DataFrame, release: pl.DataFrame, rated: pl.DataFrame, day: date = TODAY
) -> dict[str, tuple[float | None, ...]]:
    rows = compute_track_record(links, release, rated, day, "director")
    return {movie: tuple(values) for movie, *values in rows.sort("movie_id").iter_rows()}


def test_the_first_movie_of_a_person_has_no_record_and_the_second_has_the_first() -> None:
    links, release = made_by("nm1", "a", "b"), released(a=date(2000, 1, 1), b=date(2001, 1, 1))
    found = record(links, release, ratings({"movie_id": "a", "average_rating": 8.0, "num_votes": 1000}, {"movie_id": "b"}))
    assert found == {"a": (0.0, None, None), "b": (1.0, 8.0, 3.0)}


def test_a_movie_of_the_same_day_does_not_count() -> None:
    found = record(made_by("nm1", "a", "b"), released(a=date(2000, 1, 1), b=date(2000, 1, 1)), ratings({"movie_id": "a"}))
    assert found["b"] == (0.0, None, None)


def test_a_movie_known_by_its_year_alone_counts_only_once_the_year_is_over() -> None:
    year = (date(2000, 1, 1), date(2000, 12, 31))
    release = released(a=year, during=date(2000, 7, 1), after=date(2001, 1, 1))
    found = record(made_by("nm1", "a", "during", "after"), release, ratings({"movie_id": "a"}))
    assert found["during"][0] == 0
    assert found["after"][0] == 2


def test_a_movie_to_come_is_described_by_what_was_out_before_the_day() -> None:
    release = released(out=date(2026, 1, 1), soon=date(2026, 12, 1), later=date(2027, 6, 1))
    found = record(made_by("nm1", "out", "soon", "later"), release, ratings({"movie_id": "out"}))
    assert found["later"][0] == 1


def test_a_movie_with_few_votes_counts_as_made_but_not_in_the_rating() -> None:
    few = ratings({"movie_id": "a", "num_votes": MIN_VOTES - 1})
    found = record(made_by("nm1", "a", "b"), released(a=date(2000, 1, 1), b=date(2001, 1, 1)), few)
    assert found["b"] == (1.0, None, None)


def test_an_undated_movie_neither_has_nor_gives_a_record() -> None:
    release = pl.concat(
        [released(b=date(2001, 1, 1)), pl.DataFrame({"movie_id": "a", "released_from": None, "released_until": None})],
        how="vertical_relaxed",
    )
    assert record(made_by("nm1", "a", "b"), release, ratings({"movie_id": "a"})) == {"b": (0.0, None, None)}


def test_a_person_named_twice_on_a_movie_counts_once() -> None:
    links = pl.concat([made_by("nm1", "a", "b"), made_by("nm1", "a", "b")])
    found = record(links, released(a=date(2000, 1, 1), b=date(2001, 1, 1)), ratings({"movie_id": "a"}))
    assert found["b"][0] == 1


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(10, 100), st.integers(0, 60)), min_size=1, max_size=25)
)
def test_the_record_equals_a_plain_loop_over_earlier_movies(drawn: list[tuple[int, int, int, int]]) -> None:
    """Independent statement of the rule: for each movie, go through all movies of its member one by one."""
    movies = [
        (f"f{n}", date(2000, 1, 1) + timedelta(days=day), f"nm{who}", tenths / 10, votes)
        for n, (day, who, tenths, votes) in enumerate(drawn)
    ]
    links = pl.DataFrame({"movie_id": [f[0] for f in movies], "member": [f[2] for f in movies]})
    release = released(**{name: day for name, day, *_ in movies})
    rated = ratings(*[{"movie_id": name, "average_rating": rating, "num_votes": votes} for name, _, _, rating, votes in movies])
    found = record(links, release, rated)
    for name, day, who, *_ in movies:
        earlier = [f for f in movies if f[2] == who and f[1] < day]
        counted = [f[3] for f in earlier if f[4] >= MIN_VOTES]
        count, mean, _ = found[name]
        assert count == len(earlier)
        assert mean == (pytest.approx(sum(counted) / len(counted)) if counted else None)
