"""Runs an exported rating model with ONNX Runtime."""

import json
from collections.abc import Sequence

import numpy as np
import onnxruntime
import polars as pl
from numpy.typing import NDArray

ROWS_PER_CALL = 50_000

Floats = NDArray[np.float32]


def to_matrix(rows: pl.DataFrame, features: Sequence[str]) -> Floats:
    """Return the rows as the model's input for fitting, scoring and serving: float32 [rows, features], null as NaN."""
    return rows.select(features).to_numpy().astype(np.float32)


def read_onnx_features(exported: bytes) -> list[str]:
    """Return the names of the features that a model exported by `export_onnx` reads, in column order."""
    names: list[str] = json.loads(_session(exported).get_modelmeta().custom_metadata_map["features"])
    return names


def predict_onnx(exported: bytes, features: Floats) -> NDArray[np.float64]:
    """Return one rating per row."""
    return _run(_session(exported), features)


def predict_rows(exported: bytes, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return one rating per row of a frame with all the model's features.

    Works in chunks, because a float32 matrix of all movies would be large.
    """
    session, features = _session(exported), read_onnx_features(exported)
    chunks = [_run(session, to_matrix(chunk, features)) for chunk in rows.iter_slices(ROWS_PER_CALL)]
    return np.concatenate([np.empty(0), *chunks])


def _run(session: onnxruntime.InferenceSession, features: Floats) -> NDArray[np.float64]:
    return np.asarray(session.run(None, {"features": features})[0], dtype=np.float64).ravel()


def _session(exported: bytes) -> onnxruntime.InferenceSession:
    """Return a single-threaded session, like the API's. Threads sum the trees in another order, which changes the last bits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    return onnxruntime.InferenceSession(exported, options, providers=["CPUExecutionProvider"])
