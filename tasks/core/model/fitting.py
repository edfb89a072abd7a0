"""The fit of the rating model, scikit-learn's histogram gradient boosting, its scores and its ONNX export."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from tasks.core.model.onnx_model import Floats, predict_onnx

PARAMETERS: dict[str, float | int | bool] = {
    "learning_rate": 0.05,
    "max_iter": 400,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 30,
    "l2_regularization": 1.0,
    "early_stopping": True,
    "random_state": 0,
}

AGREEMENT = 1e-4
"""Largest difference, in rating points, allowed between scikit-learn and the exported model."""


@dataclass(frozen=True)
class Score:
    """Errors in rating points; r2 is the share of variance explained."""

    rmse: float
    mae: float
    r2: float


def fit(features: Floats, ratings: NDArray[np.float64]) -> HistGradientBoostingRegressor:
    """Return the fitted model, whose thresholds are float32 numbers."""
    fitted = HistGradientBoostingRegressor(**PARAMETERS).fit(features, ratings)
    round_thresholds_down(fitted)
    return fitted


def round_thresholds_down(model: HistGradientBoostingRegressor) -> None:
    """Replace each threshold with the largest float32 that is not above it, which decides the same for every float32 feature.

    A threshold is the middle between two values of a feature, in float64, and may lie beside a third value that another movie
    has. The export rounds to the nearest float32, which may be that value: its movie would then go to the other side.
    """
    for (predictor,) in model._predictors:
        exact = predictor.nodes["num_threshold"]
        rounded = exact.astype(np.float32)
        predictor.nodes["num_threshold"] = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def score(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Score:
    return Score(
        float(root_mean_squared_error(actual, predicted)),
        float(mean_absolute_error(actual, predicted)),
        float(r2_score(actual, predicted)),
    )


def export_onnx(model: HistGradientBoostingRegressor, features: Sequence[str], check: Floats) -> bytes:
    """Return the model as ONNX: float32 input `features` [rows, n], output [rows, 1], the columns' names as metadata.

    Raises RuntimeError if it differs from scikit-learn by more than AGREEMENT on any row of `check`.
    """
    onnx = convert_sklearn(model, "movie-rating", initial_types=[("features", FloatTensorType([None, len(features)]))])
    metadata = {"features": json.dumps(list(features)), "feature_service": "pre_release", "label": "imdb_average_rating"}
    for key, value in metadata.items():
        onnx.metadata_props.add(key=key, value=value)
    exported: bytes = onnx.SerializeToString()
    worst = float(np.abs(predict_onnx(exported, check) - model.predict(check)).max())
    if not worst <= AGREEMENT:
        raise RuntimeError(f"the exported model differs from scikit-learn by {worst:.2g} rating points, more than {AGREEMENT}")
    return exported
