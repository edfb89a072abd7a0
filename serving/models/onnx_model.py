"""A released model in ONNX Runtime: loads it, checks its inputs and outputs, and predicts ratings."""

import json
import math
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from serving.core.artifacts import ArtifactRejected
from serving.core.rating import HIGHEST_RATING, LOWEST_RATING, Row, check_rating

INPUT_NAME = "features"
FEATURE_SERVICE = "pre_release"


class ModelRejected(ArtifactRejected):
    """Error for a model that cannot be served; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A loaded model; `features` names the columns of its only input. Not thread-safe: every row passes through `input`."""

    session: ort.InferenceSession
    features: tuple[str, ...]
    binding: ort.IOBinding
    """Binds the session to `input`, shape (1, features), and `output`, shape (1, 1); a run without it costs a quarter more."""
    input: Row
    output: Row

    def predict(self, row: Row) -> float:
        """Predict the rating of one row, shape (features,), float32, NaN for unknown. Raise ImplausibleRating; never clamp."""
        self.input[0] = row
        self.session.run_with_iobinding(self.binding)
        return check_rating(float(self.output[0, 0]))

    def run(self, rows: Row) -> NDArray[np.float64]:
        """Return the outputs for many rows, shape (rows, features) to shape (rows,), unchecked."""
        return np.asarray(self.session.run(None, {INPUT_NAME: rows})[0], dtype=np.float64).ravel()


def load_onnx_model(model: bytes) -> OnnxModel:
    """Parse an ONNX model for one thread and check its shape. Raise ModelRejected.

    The parameter is bytes and not a path, so that the bytes that were checked against the digest are the bytes that run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # the exception has its message
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  # ONNX Runtime's errors share no base class
        raise ModelRejected(f"ONNX Runtime cannot load it: {str(error)[:300]}") from None
    features = parse_features(session.get_modelmeta().custom_metadata_map)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [(i.name, i.type) for i in inputs] != [(INPUT_NAME, "tensor(float)")]:
        raise ModelRejected(f"its inputs are {[(i.name, i.type) for i in inputs]}, not one float tensor {INPUT_NAME!r}")
    if len(inputs[0].shape) != 2 or inputs[0].shape[1] != len(features):
        raise ModelRejected(f"its input has shape {inputs[0].shape} for {len(features)} feature names")
    if len(outputs) != 1 or outputs[0].type != "tensor(float)" or outputs[0].shape[1:] != [1]:
        raise ModelRejected(f"its outputs are {[(o.name, o.type, o.shape) for o in outputs]}, not one float a row")
    return bind(session, features, outputs[0].name)


def bind(session: ort.InferenceSession, features: tuple[str, ...], output_name: str) -> OnnxModel:
    """Return the model, with its session bound to arrays of one row and one rating."""
    row, rating, binding = np.empty((1, len(features)), np.float32), np.empty((1, 1), np.float32), session.io_binding()
    binding.bind_input(INPUT_NAME, "cpu", 0, np.float32, row.shape, row.ctypes.data)
    binding.bind_output(output_name, "cpu", 0, np.float32, rating.shape, rating.ctypes.data)
    return OnnxModel(session, features, binding, row, rating)


def parse_features(metadata: dict[str, str]) -> tuple[str, ...]:
    """Parse the feature names, in column order, from the model's own metadata. Raise ModelRejected."""
    service = metadata.get("feature_service")
    if service != FEATURE_SERVICE:
        raise ModelRejected(f"its metadata names the feature service {service!r}, not {FEATURE_SERVICE!r}")
    try:
        names = json.loads(metadata.get("features", ""))
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ModelRejected("its metadata holds no JSON list `features` of feature names")
    if len(set(names)) != len(names):
        raise ModelRejected("its metadata names a feature twice")
    return tuple(names)


def smoke_test(model: OnnxModel) -> None:
    """Run the model on a row of unknown values. Raise ModelRejected unless the output is one rating."""
    row = np.full((1, len(model.features)), np.nan, np.float32)
    try:
        output = model.session.run(None, {INPUT_NAME: row})[0]
    except Exception as error:  # noqa: BLE001  # ONNX Runtime's errors share no base class
        raise ModelRejected(f"it fails on a row of unknown values: {str(error)[:300]}") from None
    if output.size != 1:
        raise ModelRejected(f"it answers shape {output.shape} for one row")
    rating = float(output.reshape(-1)[0])
    if not math.isfinite(rating) or not LOWEST_RATING <= rating <= HIGHEST_RATING:
        raise ModelRejected(f"it answers {rating:g} for a row of unknown values, which is not a rating from 1 to 10")
