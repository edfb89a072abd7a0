"""Servers and movies of these tests' own: the files follow one another, in the order of their names."""

from collections.abc import Iterator

import numpy as np
import pytest

from infra.local.stack import Stack
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.tasks.features_to_model.state import MOVIES
from tests.tasks.settings_factory import in_environment


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers of its own: these tests count snapshots, sets and versions of whole stores."""
    with started_stack(tmp_path_factory.mktemp("features")) as servers:
        yield servers


@pytest.fixture(scope="package")
def settings(stack: Stack) -> Iterator[Settings]:
    with in_environment(stack.environment("tasks")) as settings:
        yield settings


@pytest.fixture(scope="package")
def movies(settings: Settings) -> None:
    """600 invented movies of 2000 to 2019 by thirty directors, each of whom is as good as their number."""
    random = np.random.default_rng(0)
    directors = random.integers(30, size=MOVIES)
    with connect(settings) as conn:
        conn.execute("truncate movie, rating, crew, credit, tmdb_movie, feature_set, prediction_set, deployment")
        for number, director in enumerate(directors):
            movie_id, rating = f"tt{number + 1:07d}", 3 + director / 6 + random.normal(scale=0.3)
            conn.execute(
                "insert into movie values (%s, 'movie', %s, %s, false, %s, null, %s, '{Drama}')",
                (movie_id, f"Film {number}", f"Film {number}", 2000 + number % 20, 80 + int(random.integers(60))),
            )
            conn.execute("insert into rating values (%s, %s, %s)", (movie_id, round(float(np.clip(rating, 1, 10)), 1), 500))
            conn.execute("insert into crew values (%s, %s, '{}')", (movie_id, [f"nm{director:07d}"]))
        conn.execute(
            """insert into tmdb_movie (movie_id, tmdb_id, release_date, genres, companies, countries, spoken_languages, keywords,
                                       cast_size, crew_size, raw_key, raw_row)
               select movie_id, substr(movie_id, 3)::bigint + 1000, make_date(start_year, 6, 1),
                      '{}', '{}', '{}', '{}', '{}', 0, 0, '', 0
               from movie where substr(movie_id, 3)::int % 2 = 0"""
        )
