"""The rating model: scikit-learn's histogram gradient boosting, its ONNX export and its scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
import polars as pl
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

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

ROWS_PER_CALL = 50_000

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """Errors in rating points; r2 is the share of variance explained."""

    rmse: float
    mae: float
    r2: float


def to_matrix(rows: pl.DataFrame, features: Sequence[str]) -> Floats:
    """Return the rows as the model's input for fitting, scoring and serving: float32 [rows, features], null as NaN."""
    return rows.select(features).to_numpy().astype(np.float32)


def fit(features: Floats, ratings: NDArray[np.float64]) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**PARAMETERS).fit(features, ratings)


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


def read_onnx_features(exported: bytes) -> list[str]:
    """Return the names of the features that a model exported by `export_onnx` reads, in column order."""
    names: list[str] = json.loads(_session(exported).get_modelmeta().custom_metadata_map["features"])
    return names


def predict_onnx(exported: bytes, features: Floats) -> NDArray[np.float64]:
    """Return one rating per row."""
    return _run(_session(exported), features)


def predict_rows(exported: bytes, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return one rating per row of a frame with all the model's features, in chunks, because all movies as float32 are large."""
    session, features = _session(exported), read_onnx_features(exported)
    chunks = [_run(session, to_matrix(chunk, features)) for chunk in rows.iter_slices(ROWS_PER_CALL)]
    return np.concatenate([np.empty(0), *chunks])


def _run(session: onnxruntime.InferenceSession, features: Floats) -> NDArray[np.float64]:
    return np.asarray(session.run(None, {"features": features})[0], dtype=np.float64).ravel()


def _session(exported: bytes) -> onnxruntime.InferenceSession:
    """Return a session with one thread, as the API has: several would add the trees in another order, which changes last bits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    return onnxruntime.InferenceSession(exported, options, providers=["CPUExecutionProvider"])
