"""Tests the files of a release and the fields of release.json: anything else is rejected before use."""

import json
from typing import Any

import pytest

from serving.models.fetch_child import MAX_BYTES, check_listed
from serving.models.onnx_model import ModelRejected, load_onnx_model
from serving.models.release_record import check_golden, parse_release
from tests.serving.releases import make_release
from tests.serving.tiny_models import FEATURES, constant_onnx, export_onnx, train_boosting


@pytest.fixture(scope="module")
def model() -> bytes:
    return export_onnx(train_boosting())


@pytest.fixture(scope="module")
def release(model: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(make_release(model))
    return fields


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ({}, "holds no model.onnx"),
        ({"model.pkl": 100, "MLmodel": 100, "code": 0}, "holds no model.onnx"),
        ({"Model.onnx": 100}, "holds no model.onnx"),
        ({"../model.onnx": 100}, "holds no model.onnx"),
        ({"model.onnx": 2 * 2**30}, "2147483648 bytes, more than 268435456"),
        ({"model.onnx": MAX_BYTES["model.onnx"] + 1}, "more than"),
    ],
)
def test_a_file_that_is_absent_or_too_large_is_not_downloaded(listed: dict[str, int], reason: str) -> None:
    with pytest.raises(ModelRejected, match=reason):
        check_listed("model.onnx", listed)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"{", b"NaN", b'"release"', b"\xff\xfe", b"\x80\x04.", b"\0", b"[" * 5000, b'{"files": {}}'],
)
def test_an_invalid_release_is_rejected(body: bytes) -> None:
    with pytest.raises(ModelRejected):
        parse_release(body)


@pytest.mark.parametrize("absent", ["files", "feature_service", "feature_set", "schema_hash", "ranges", "golden"])
def test_a_release_without_one_of_its_fields_is_refused(release: dict[str, Any], absent: str) -> None:
    with pytest.raises(ModelRejected, match=absent):
        parse_release(json.dumps({name: value for name, value in release.items() if name != absent}).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"files": []},
        {"files": {"model.pkl": "0" * 64}},
        {"ranges": {"budget_millions": [1]}},
        {"ranges": {"budget_millions": ["low", "high"]}},
        {"ranges": None},
        {"golden": []},
        {"golden": {"features": [], "ratings": []}},
        {"golden": {"features": [[1.0]], "ratings": [None]}},
        {"schema_hash": ""},
        {"feature_service": "post_release"},
    ],
    ids=str,
)
def test_a_release_with_a_wrong_field_is_refused(release: dict[str, Any], changes: dict[str, Any]) -> None:
    with pytest.raises(ModelRejected):
        parse_release(json.dumps(release | changes).encode())


ROW = [0.0] * len(FEATURES)


@pytest.mark.parametrize(
    ("golden", "reason"),
    [
        ({"features": [ROW[1:]], "ratings": [6.0]}, "shape"),
        ({"features": [[*ROW, 0.0]], "ratings": [6.0]}, "shape"),
        ({"features": [ROW], "ratings": [6.0, 6.0]}, "shape"),
        ({"features": [ROW, ROW[1:]], "ratings": [6.0, 6.0]}, "not numbers"),
        ({"features": [["1e3x", *ROW[1:]]], "ratings": [6.0]}, "not numbers"),
        ({"features": [[{}, *ROW[1:]]], "ratings": [6.0]}, "not numbers"),
        ({"features": [ROW], "ratings": [6.01]}, "golden row 0"),
        ({"features": [ROW, ROW], "ratings": [6.0, -6.0]}, "golden row 1"),
    ],
)
def test_golden_rows_that_the_model_does_not_give_are_refused(golden: dict[str, Any], reason: str) -> None:
    model = constant_onnx(6.0)
    record = parse_release(make_release(model, golden=golden))
    with pytest.raises(ModelRejected, match=reason):
        check_golden(load_onnx_model(model), record)


def test_the_golden_rows_of_its_own_training_pass(model: bytes, release: dict[str, Any]) -> None:
    check_golden(load_onnx_model(model), parse_release(json.dumps(release).encode()))


def test_a_model_that_reads_the_features_in_another_order_fails_its_golden_rows(model: bytes, release: dict[str, Any]) -> None:
    golden = release["golden"]
    turned = {"features": [row[::-1] for row in golden["features"]], "ratings": golden["ratings"]}
    with pytest.raises(ModelRejected, match="golden row"):
        check_golden(load_onnx_model(model), parse_release(json.dumps(release | {"golden": turned}).encode()))
