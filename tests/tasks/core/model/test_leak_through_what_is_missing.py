"""Tests that missing values do not reveal the movies that TMDB was asked for first, which are those with the most votes.

The planted leak: ratings rise with votes, TMDB knows every movie and nothing that helps, and half of the movies, the most
voted, have been asked for. Whoever trains on all of them learns "has an overview" for "has many votes".
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
import pytest

from tasks.core.features.compute import Tables
from tasks.core.model.evaluation import evaluate
from tasks.core.model.training import keep_asked, split_by_year
from tests.tasks.core.features.frames import Row, compute_all, credits_of, crews, movies, ratings, tmdb_movies

DAY = date(2026, 11, 22)
MOVIES = 2_000


@pytest.fixture(scope="module")
def gains() -> Mapping[str, float]:
    """The share of the baseline's error that a model removes: trained on all movies, and on those that were asked for."""
    random = np.random.default_rng(5)
    ids, votes = [f"tt{number:07d}" for number in range(MOVIES)], random.uniform(2, 6, MOVIES)
    rating = np.clip(2.5 + votes + random.normal(0, 0.5, MOVIES), 1, 10).round(1)
    asked = [movie_id for movie_id, many in zip(ids, votes > np.median(votes), strict=True) if many]
    answers: list[Row] = [{"movie_id": known, "overview": "word " * (1 + n % 7)} for n, known in enumerate(asked)]
    years = [2000 + number % 10 for number in range(MOVIES)]
    tables = Tables(
        movie=movies(*({"movie_id": movie_id, "start_year": year} for movie_id, year in zip(ids, years, strict=True))),
        rating=ratings(),
        crew=crews(),
        credit=credits_of(),
        tmdb_movie=tmdb_movies(*answers),
        asked=tmdb_movies(*answers).select("movie_id"),
    )
    rows = compute_all(tables, DAY)
    noise = pl.Series(random.normal(size=MOVIES).round(3))
    rows = rows.with_columns(runtime_minutes=noise, average_rating=pl.Series(rating))
    known = rows.filter("tmdb_asked").select("movie_id")
    features = ["overview_words", "release_year", "runtime_minutes"]
    trained_on = {"all": rows, "asked": keep_asked(rows, known)}
    scores = {name: evaluate(split_by_year(part, features), None).scores for name, part in trained_on.items()}
    return {name: 1 - score["test"].rmse / score["baseline"].rmse for name, score in scores.items()}


def test_the_planted_leak_would_gain_if_nothing_were_left_out(gains: Mapping[str, float]) -> None:
    assert gains["all"] > 0.3


def test_trained_on_movies_that_were_asked_for_nothing_is_gained(gains: Mapping[str, float]) -> None:
    assert gains["asked"] < 0.01


def test_movies_that_tmdb_does_not_know_stay_and_without_tmdb_all_do() -> None:
    labels = pl.DataFrame({"movie_id": ["tt1", "tt2", "tt3"]})
    absent_too = pl.DataFrame({"movie_id": ["tt3", "tt1"]})
    assert keep_asked(labels, absent_too)["movie_id"].to_list() == ["tt1", "tt3"]
    assert keep_asked(labels, absent_too.clear()).equals(labels)
