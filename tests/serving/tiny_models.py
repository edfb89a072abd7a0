"""Small ONNX models for the tests of serving: a real boosting as training exports it, and broken ones."""

import json
import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingRegressor

FEATURES = ("runtime_minutes", "release_year", "budget_millions", "genre_drama", "director_rating")


@lru_cache
def train_boosting(seed: int = 0, features: tuple[str, ...] = FEATURES) -> HistGradientBoostingRegressor:
    """A boosting on noise with unknown values; its outputs lie around 6."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(400, len(features))).astype(np.float32)
    labels = 6 + np.tanh(rows[:, 0]) + 0.5 * rows[:, -1].clip(-2, 2)
    rows[random.random(rows.shape) < 0.2] = np.nan
    return HistGradientBoostingRegressor(max_iter=40, random_state=seed).fit(rows, labels)


def export_onnx(model: HistGradientBoostingRegressor, features: Sequence[str] = FEATURES) -> bytes:
    """Export as `tasks.train_model` does: one float input `features`, the names in the metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # skl2onnx gives numpy booleans where protobuf wants integers
        exported = to_onnx(model, initial_types=[("features", FloatTensorType([None, len(features)]))])
    return with_metadata(exported, features)


def with_metadata(exported: onnx.ModelProto, features: Sequence[str], service: str = "pre_release") -> bytes:
    helper.set_model_props(
        exported, {"features": json.dumps(list(features)), "feature_service": service, "label": "imdb_average_rating"}
    )
    return bytes(exported.SerializeToString())


def constant_onnx(rating: float, features: Sequence[str] = FEATURES) -> bytes:
    """A model that answers this number for every row, finite or not."""
    nodes = [
        helper.make_node("Shape", ["features"], ["rows"], start=0, end=1),
        helper.make_node("Concat", ["rows", "one"], ["shape"], axis=0),
        helper.make_node(
            "ConstantOfShape", ["shape"], ["variable"], value=helper.make_tensor("value", TensorProto.FLOAT, [1], [rating])
        ),
    ]
    return graph_onnx(nodes, [helper.make_tensor("one", TensorProto.INT64, [1], [1])], features)


def one_number_onnx(rating: float, features: Sequence[str] = FEATURES) -> bytes:
    """A model that answers one number, however many rows it is asked."""
    number = helper.make_tensor("number", TensorProto.FLOAT, [1, 1], [rating])
    return graph_onnx([helper.make_node("Identity", ["number"], ["variable"])], [number], features)


def graph_onnx(
    nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto], features: Sequence[str] = FEATURES
) -> bytes:
    """A hand-made model with the usual input and output."""
    graph = helper.make_graph(
        list(nodes),
        "hand made",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(features)])],
        [helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None, 1])],
        list(constants),
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("invented.domain", 1)]
    return with_metadata(helper.make_model(graph, opset_imports=opsets, ir_version=9), features)


def external_data_onnx(location: str) -> bytes:
    """A model whose constant lies in another file, as a malicious one would name it."""
    number = helper.make_tensor("number", TensorProto.FLOAT, [1, 1], [6.0])
    number.ClearField("float_data")
    number.data_location = TensorProto.EXTERNAL
    number.external_data.add(key="location", value=location)
    number.external_data.add(key="offset", value="0")
    number.external_data.add(key="length", value="4")
    return graph_onnx([helper.make_node("Identity", ["number"], ["variable"])], [number])
