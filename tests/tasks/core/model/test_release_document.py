"""Tests release.json: the model's inputs and golden ratings; the same training gives the same bytes."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks.core.model.evaluation import Evaluation, evaluate
from tasks.core.model.onnx_model import predict_onnx, to_matrix
from tasks.core.model.release_document import (
    GOLDEN_ROWS,
    Origin,
    compute_metrics,
    describe_release,
    pick_golden_rows,
    render_release,
)
from tasks.core.model.training import Split, split_by_year
from tests.serving.tiny_models import constant_onnx
from tests.tasks.core.model.test_training import FEATURES, labelled

ORIGIN = Origin("movie-rating", "pre_release", "movies_1", "ab" * 32, "8541223", date(2026, 11, 22), "0123")


@pytest.fixture(scope="module")
def split() -> Split:
    return split_by_year(labelled({2000: 300, 2001: 300, 2002: 150}), FEATURES)


@pytest.fixture(scope="module")
def evaluation(split: Split) -> Evaluation:
    return evaluate(split, None)


@pytest.fixture(scope="module")
def release(split: Split, evaluation: Evaluation) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(render_release(describe_release(split, evaluation, ORIGIN)))
    return parsed


def test_it_names_the_model_s_file_and_all_that_it_was_trained_from(evaluation: Evaluation, release: dict[str, Any]) -> None:
    assert {name: value for name, value in release.items() if name not in ("metrics", "ranges", "golden")} == {
        "model": "movie-rating",
        "files": {"model.onnx": hashlib.sha256(evaluation.exported).hexdigest()},
        "feature_service": "pre_release",
        "feature_set": "movies_1",
        "schema_hash": "ab" * 32,
        "training_snapshot": "8541223",
        "training_day": "2026-11-22",
        "training_id": "0123",
    }
    assert release["metrics"] == compute_metrics(evaluation)
    assert release["metrics"]["test_rmse"] == evaluation.scores["test"].rmse


def test_the_ranges_are_of_the_known_values_of_the_training_rows(split: Split, release: dict[str, Any]) -> None:
    known = split.train["signal"].drop_nulls()
    assert known.len() < split.train.height
    assert release["ranges"] == {"release_year": [2000.0, 2001.0], "signal": [known.min(), known.max()]}


def test_golden_rows_are_of_the_test_rows_and_one_is_all_unknown(
    split: Split, evaluation: Evaluation, release: dict[str, Any]
) -> None:
    rows, ratings = release["golden"]["features"], release["golden"]["ratings"]
    assert len(rows) == len(ratings) == GOLDEN_ROWS
    assert rows[0] == [None, None]
    matrix = to_matrix(split.test, split.features).astype(float).tolist()
    test = [[None if value != value else value for value in row] for row in matrix]  # noqa: PLR0124  # NaN
    assert all(row in test for row in rows[1:])
    assert rows[1] == test[0]
    assert rows[-1] == test[-1]
    assert predict_onnx(evaluation.exported, np.array(rows, np.float32)).tolist() == ratings


def test_the_same_training_gives_the_same_bytes(split: Split, evaluation: Evaluation, release: dict[str, Any]) -> None:
    again = render_release(describe_release(split, evaluate(split, None), ORIGIN))
    assert json.loads(again) == release
    assert again == json.dumps(release, sort_keys=True, separators=(",", ":")).encode()


def test_a_score_over_too_few_movies_is_left_out(split: Split, evaluation: Evaluation) -> None:
    few = replace(evaluation, scores=evaluation.scores | {"test": replace(evaluation.scores["test"], r2=float("nan"))})
    metrics = json.loads(render_release(describe_release(split, few, ORIGIN)))["metrics"]
    assert compute_metrics(evaluation).keys() - metrics.keys() == {"test_r2"}


def test_of_few_rows_all_are_golden_and_no_output_off_the_scale_is() -> None:
    rows = np.arange(10, dtype=np.float32).reshape(5, 2)
    names = ("a", "b")
    assert len(pick_golden_rows(rows, constant_onnx(6.0, names))) == 6
    for output in (0.5, 10.5, float("nan")):
        assert len(pick_golden_rows(rows, constant_onnx(output, names))) == 0


def test_values_that_are_not_numbers_are_unknown(split: Split, evaluation: Evaluation, release: dict[str, Any]) -> None:
    odd = replace(split, train=split.train.with_columns(pl.col("signal").fill_null(float("nan"))))
    assert describe_release(odd, evaluation, ORIGIN)["ranges"] == release["ranges"]
