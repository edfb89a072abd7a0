"""Models that training exports are served as scikit-learn rates them; all others are refused with the reason."""

import pickle

import numpy as np
import onnx
import pytest
from onnx import helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.linear_model import LinearRegression

from serving.core.errors import ImplausibleRating
from serving.models.onnx_model import ModelRejected, load_onnx_model, parse_features, smoke_test
from tests.serving.tiny_models import (
    FEATURES,
    constant_onnx,
    export_onnx,
    external_data_onnx,
    graph_onnx,
    one_number_onnx,
    train_boosting,
    with_metadata,
)


@pytest.fixture(scope="module")
def boosting_onnx() -> bytes:
    return export_onnx(train_boosting())


def test_rates_as_scikit_learn_does_unknown_values_included(boosting_onnx: bytes) -> None:
    rows = np.random.default_rng(1).normal(size=(200, len(FEATURES))).astype(np.float32)
    rows[np.random.default_rng(2).random(rows.shape) < 0.3] = np.nan
    predictor = load_onnx_model(boosting_onnx)
    assert predictor.features == FEATURES
    rated = [predictor.predict(row) for row in rows]
    np.testing.assert_allclose(rated, train_boosting().predict(rows), atol=1e-4)
    smoke_test(predictor)


@pytest.mark.parametrize("rating", [float("nan"), float("inf"), -0.5, 0.0, 0.99, 10.01])
def test_an_output_off_the_scale_is_rejected_and_not_clamped(rating: float) -> None:
    predictor = load_onnx_model(constant_onnx(rating))
    with pytest.raises(ImplausibleRating):
        predictor.predict(np.zeros(len(FEATURES), np.float32))
    with pytest.raises(ModelRejected):
        smoke_test(predictor)


@pytest.mark.parametrize("rating", [1.0, 10.0])
def test_the_ends_of_the_scale_are_ratings(rating: float) -> None:
    assert load_onnx_model(constant_onnx(rating)).predict(np.zeros(len(FEATURES), np.float32)) == rating


@pytest.mark.parametrize("model", [b"", b"not a model", pickle.dumps({"a": 1}), b"\x08\x09" * 50])
def test_invalid_onnx_is_rejected(model: bytes) -> None:
    with pytest.raises(ModelRejected):
        load_onnx_model(model)


def test_truncated_models_are_refused(boosting_onnx: bytes) -> None:
    for part in (0.1, 0.5, 0.9, 0.999):
        with pytest.raises(ModelRejected):
            load_onnx_model(boosting_onnx[: int(len(boosting_onnx) * part)])


@pytest.mark.parametrize("location", ["../../../../../../etc/passwd", "/etc/passwd", "beside.bin"])
def test_a_model_that_points_at_other_files_is_refused(location: str) -> None:
    with pytest.raises(ModelRejected):
        load_onnx_model(external_data_onnx(location))


def test_a_custom_operator_is_refused() -> None:
    node = helper.make_node("Anything", ["features"], ["variable"], domain="invented.domain")
    with pytest.raises(ModelRejected):
        load_onnx_model(graph_onnx([node], []))


def test_wrong_inputs_are_refused() -> None:
    model = LinearRegression().fit(np.zeros((4, 2)), np.zeros(4))
    for name, kind, reason in [
        ("features", DoubleTensorType([None, 2]), "one float tensor"),
        ("X", FloatTensorType([None, 2]), "one float tensor"),
        ("features", FloatTensorType([None, None]), "shape"),
    ]:
        exported = to_onnx(model, initial_types=[(name, kind)])
        with pytest.raises(ModelRejected, match=reason):
            load_onnx_model(with_metadata(exported, ["a", "b"]))
    exported = to_onnx(model, initial_types=[("features", FloatTensorType([None, 2]))])
    with pytest.raises(ModelRejected, match="3 feature names"):
        load_onnx_model(with_metadata(exported, ["a", "b", "c"]))
    with pytest.raises(ModelRejected, match="post_release"):
        load_onnx_model(with_metadata(exported, ["a", "b"], "post_release"))


@pytest.mark.parametrize("shape", [[1], [1, 2], [1, 1, 1]])
def test_an_output_that_is_not_one_number_a_row_is_refused(shape: list[int]) -> None:
    model = onnx.load_from_string(one_number_onnx(6.0))
    model.graph.initializer[0].CopyFrom(helper.make_tensor("number", onnx.TensorProto.FLOAT, shape, [6.0] * shape[-1]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("variable", onnx.TensorProto.FLOAT, shape))
    with pytest.raises(ModelRejected, match="one float"):
        load_onnx_model(model.SerializeToString())


def test_no_rating_is_left_over_from_the_row_before(boosting_onnx: bytes) -> None:
    predictor, rows = load_onnx_model(boosting_onnx), np.random.default_rng(3).normal(size=(50, len(FEATURES)))
    for row in rows.astype(np.float32):
        assert predictor.predict(row) == predictor.session.run(None, {"features": row.reshape(1, -1)})[0][0, 0]


@pytest.mark.parametrize("names", ["", "x", "{}", "[]", "[1]", '[""]', '["a", "a"]'])
def test_metadata_without_feature_names_is_refused(names: str) -> None:
    with pytest.raises(ModelRejected):
        parse_features({"feature_service": "pre_release", "features": names})
