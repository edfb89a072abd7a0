"""The model card: true to the evaluation, readable, with the slices that the data allow."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from tasks.core.model.evaluation import Evaluation, evaluate
from tasks.core.model.model_card import MIN_SLICE_ROWS, render_model_card, slice_errors
from tasks.core.model.release_document import Origin
from tasks.core.model.training import Split, split_by_year
from tests.tasks.core.model.test_training import FEATURES, labelled

ORIGIN = Origin("movie-rating", "pre_release", "movies_1", "ab" * 32, "8541223", date(2026, 11, 22), "0123")


@pytest.fixture(scope="module")
def split() -> Split:
    return split_by_year(labelled({2000: 300, 2001: 300, 2002: 150}), FEATURES)


@pytest.fixture(scope="module")
def evaluation(split: Split) -> Evaluation:
    return evaluate(split, None)


def test_the_card_states_the_data_the_error_and_the_gate(split: Split, evaluation: Evaluation) -> None:
    card = render_model_card(split, evaluation, ORIGIN)
    scores = evaluation.scores
    assert "600 movies released before 2002" in card
    assert f"| all | 150 | {scores['test'].rmse:.3f} | {scores['baseline'].rmse:.3f} |" in card
    assert evaluation.decision.reason in card
    assert "must not be used" in card


def test_a_slice_is_measured_on_its_own_movies(split: Split, evaluation: Evaluation) -> None:
    documentary = np.arange(split.test.height) < 50
    marked = replace(split, test=split.test.with_columns(genre_documentary=pl.Series(documentary.astype(float))))
    (everything, documentaries) = slice_errors(marked, evaluation)
    errors = split.test["average_rating"].to_numpy() - evaluation.predicted
    assert (everything.name, everything.movies) == ("all", 150)
    assert (documentaries.name, documentaries.movies) == ("documentaries", 50)
    assert documentaries.rmse == pytest.approx(np.sqrt(np.mean(errors[:50] ** 2)))


def test_a_slice_of_few_movies_is_not_shown(split: Split, evaluation: Evaluation) -> None:
    budget = pl.Series([1.0] * (MIN_SLICE_ROWS - 1) + [None] * (split.test.height - MIN_SLICE_ROWS + 1))
    marked = replace(split, test=split.test.with_columns(budget_millions=budget))
    assert [each.name for each in slice_errors(marked, evaluation)] == ["all", "without a known budget"]
