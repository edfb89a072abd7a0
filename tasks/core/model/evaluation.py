"""Fits a model and compares it with the constant baseline and the champion on the same test rows."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance

from tasks.core.model.fitting import Score, export_onnx, fit, score
from tasks.core.model.onnx_model import predict_onnx, read_onnx_features, to_matrix
from tasks.core.model.promotion_gate import Decision, check_range, decide_promotion
from tasks.core.model.training import LABEL, Split

IMPORTANCE_ROWS = 2_000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """The fitted model in both forms, the scores, and the decision on promotion."""

    fitted: HistGradientBoostingRegressor
    exported: bytes
    scores: dict[str, Score]
    """By part: train, test, baseline (test rows), champion (test rows; absent while there is none)."""
    decision: Decision
    predicted: Values
    """Ratings of the test rows."""
    importance: Values
    """Rise of the test RMSE with a feature's values shuffled, in the order of the split's features."""


def evaluate(split: Split, champion: bytes | None, champion_is_servable: bool = True) -> Evaluation:
    """Fit on the older years, export, score on the newest years. champion: an exported model, or None."""
    x_train, x_test = (to_matrix(part, split.features) for part in (split.train, split.test))
    y_train, y_test = (part[LABEL].to_numpy() for part in (split.train, split.test))
    fitted = fit(x_train, y_train)
    exported = export_onnx(fitted, split.features, np.vstack([x_train, x_test]))
    predicted, in_training = fitted.predict(x_test), fitted.predict(x_train)
    scores = {
        "train": score(y_train, in_training),
        "test": score(y_test, predicted),
        "baseline": score(y_test, np.full_like(y_test, y_train.mean())),
    }
    if champion is not None:
        scores["champion"] = score(y_test, predict_with(champion, split.test))
    champion_rmse = scores["champion"].rmse if champion is not None else None
    outputs = np.concatenate([predicted, in_training])
    decision = check_range(float(outputs.min()), float(outputs.max())) or decide_promotion(
        scores["test"].rmse, scores["baseline"].rmse, champion_rmse, champion_is_servable
    )
    sampled = np.random.default_rng(0).permutation(len(y_test))[:IMPORTANCE_ROWS]
    importance = permutation_importance(
        fitted, x_test[sampled], y_test[sampled], scoring="neg_root_mean_squared_error", n_repeats=3, random_state=0
    ).importances_mean
    return Evaluation(fitted, exported, scores, decision, predicted, importance)


def predict_with(exported: bytes, rows: pl.DataFrame) -> Values:
    """Return another model's ratings of these rows; a feature that they do not have is null, as an unknown value is."""
    features = read_onnx_features(exported)
    missing = [pl.lit(None, pl.Float64).alias(name) for name in features if name not in rows.columns]
    return predict_onnx(exported, to_matrix(rows.with_columns(missing), features))
