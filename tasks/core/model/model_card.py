"""The model card: a page about a model's purpose, inputs, accuracy and limits, for people."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.core.model.evaluation import Evaluation
from tasks.core.model.release_document import Origin
from tasks.core.model.training import LABEL, MIN_LABEL_VOTES, Split

MIN_SLICE_ROWS = 30
"""An error measured on fewer movies is mostly chance, so a smaller slice is not shown."""

EXPERIMENT = (
    "Trainings of the model that predicts a movie's IMDb rating from what is known before its release. Each run is one"
    " training; its page has the metrics by part (train, test, baseline, champion), the plots and release.json."
)
MODEL = (
    "IMDb rating of a movie, from what is known before its release. The alias `champion` names the version that is live; each"
    " version's description is its model card."
)


@dataclass(frozen=True)
class Slice:
    """Test movies of one kind, with the error of the model and of the constant baseline on them."""

    name: str
    movies: int
    rmse: float
    baseline_rmse: float


def render_model_card(split: Split, evaluation: Evaluation, origin: Origin) -> str:
    """Return the card as Markdown."""
    lines = [
        "### What it predicts",
        f"The IMDb rating (1 to 10) of a movie, from {len(split.features)} features known before its release.",
        "### What it was trained on",
        f"{split.train.height:,} movies released before {split.first_test_year} with at least {MIN_LABEL_VOTES} votes, with their"
        f" features as known on {origin.day} (snapshot {origin.snapshot_id} of the offline store).",
        "### How good it is",
        f"Measured on {split.test.height:,} movies of {split.first_test_year} and later, which training did not see. RMSE, in"
        " points of the rating; the baseline answers every movie with the mean of the training ratings.",
        "",
        "| movies | number | RMSE | baseline |",
        "|---|---:|---:|---:|",
        *(
            f"| {row.name} | {row.movies:,} | {row.rmse:.3f} | {row.baseline_rmse:.3f} |"
            for row in slice_errors(split, evaluation)
        ),
        "",
        f"Promotion gate: {evaluation.decision.reason}.",
        "### What it must not be used for",
        "Judging people or companies: their features are the ratings of earlier movies, not their merit. Movies that are already"
        " rated: their own votes and rating are left out on purpose. Single decisions about money: the error above is an average,"
        " and for one movie it is often larger.",
    ]
    return "\n".join(lines)


def slice_errors(split: Split, evaluation: Evaluation) -> list[Slice]:
    """Return the errors over all test movies and over each slice that the features allow and that is large enough."""
    test, actual = split.test, split.test[LABEL].to_numpy()
    baseline = np.full_like(actual, split.train[LABEL].mean())
    masks = {"all": np.ones(test.height, dtype=bool)}
    for name, column, condition in (
        ("with a known budget", "budget_millions", pl.col("budget_millions").is_not_null()),
        ("without a known budget", "budget_millions", pl.col("budget_millions").is_null()),
        ("of directors without an earlier movie", "director_films", pl.col("director_films").fill_null(0) == 0),
        ("documentaries", "genre_documentary", pl.col("genre_documentary") == 1),
    ):
        if column in test.columns:
            masks[name] = test.select(condition.fill_null(value=False)).to_series().to_numpy()
    return [
        Slice(name, int(mask.sum()), rmse(actual[mask], evaluation.predicted[mask]), rmse(actual[mask], baseline[mask]))
        for name, mask in masks.items()
        if name == "all" or mask.sum() >= MIN_SLICE_ROWS
    ]


def rmse(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Return the root of the mean squared error; both of shape (movies,)."""
    return float(np.sqrt(np.mean((actual - predicted) ** 2)))
