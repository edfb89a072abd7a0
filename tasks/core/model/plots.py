"""Draws the plots of a training run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

TOP_FEATURES = 20

Values = NDArray[np.float64]


def draw_predicted_against_actual(actual: Values, predicted: Values) -> Figure:
    """Draw the predicted rating of each test movie against its IMDb rating."""
    figure, axes = _canvas("Predicted against actual, test movies", "IMDb rating", "predicted rating")
    cells = axes.hexbin(actual, predicted, gridsize=45, extent=(1, 10, 1, 10), mincnt=1, cmap="viridis")
    axes.plot([1, 10], [1, 10], color="crimson", linewidth=1, label="exact")
    axes.legend(loc="upper left")
    figure.colorbar(cells, ax=axes, label="movies")
    return figure


def draw_residuals_by_year(years: Values, residuals: Values) -> Figure:
    """Draw the median and the middle half of actual minus predicted, by release year."""
    figure, axes = _canvas("Residuals by release year, test movies", "release year", "actual minus predicted")
    shown = np.unique(years)
    quartiles = np.array([np.percentile(residuals[years == year], [25, 50, 75]) for year in shown])
    axes.fill_between(shown, quartiles[:, 0], quartiles[:, 2], alpha=0.3, label="middle half of the movies")
    axes.plot(shown, quartiles[:, 1], marker="o", label="median")
    axes.axhline(0, color="crimson", linewidth=1)
    axes.legend()
    return figure


def draw_importance(features: Sequence[str], importance: Values) -> Figure:
    """Draw the rise of the test RMSE when one feature's values are shuffled, the largest on top."""
    figure, axes = _canvas("Feature importance (permutation, test movies)", "rise of RMSE in rating points", "")
    order = np.argsort(importance)[-TOP_FEATURES:]
    axes.barh([features[place] for place in order], importance[order])
    return figure


def _canvas(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    return figure, axes
