"""The split by time, the model and its export, the gate."""

import numpy as np
import polars as pl
import pytest

from tasks.core.errors import BadInput
from tasks.core.model.evaluation import Evaluation, evaluate, predict_with
from tasks.core.model.fitting import export_onnx, fit
from tasks.core.model.onnx_model import predict_onnx, read_onnx_features, to_matrix
from tasks.core.model.plots import draw_importance, draw_predicted_against_actual, draw_residuals_by_year
from tasks.core.model.promotion_gate import check_range, decide_promotion
from tasks.core.model.training import MIN_ROWS, Split, split_by_year


def labelled(per_year: dict[int, int], seed: int = 0) -> pl.DataFrame:
    """Movies whose rating follows `signal`, which is unknown for some; `empty` is never known."""
    years = np.repeat(list(per_year), list(per_year.values()))
    random = np.random.default_rng(seed)
    signal = random.normal(size=len(years)).round(3)
    rating = np.clip(6.5 + signal + random.normal(scale=0.3, size=len(years)), 1, 10).round(1)
    frame = pl.DataFrame(
        {
            "movie_id": [f"tt{n:07d}" for n in range(len(years))],
            "release_year": years.astype(float),
            "signal": signal,
            "average_rating": rating,
        }
    )
    return frame.with_columns(empty=pl.lit(None, pl.Float64), signal=pl.when(pl.col("signal") > -1.5).then("signal"))


@pytest.fixture(scope="module")
def split() -> Split:
    return split_by_year(labelled({2000: 300, 2001: 300, 2002: 150}), FEATURES)


@pytest.fixture(scope="module")
def evaluation(split: Split) -> Evaluation:
    return evaluate(split, None)


FEATURES = ["empty", "release_year", "signal"]


def test_whole_newest_years_nearest_to_a_fifth_are_the_test() -> None:
    split = split_by_year(labelled({2000: 200, 2001: 200, 2002: 70, 2003: 40}), FEATURES)
    assert (split.first_test_year, split.test.height, split.train.height) == (2002, 110, 400)


def test_no_test_movie_is_older_than_a_training_movie() -> None:
    split = split_by_year(labelled(dict.fromkeys(range(1990, 2020), 20)), FEATURES)
    assert split.train["release_year"].max() < split.test["release_year"].min()  # type: ignore[operator]


def test_a_feature_that_is_never_known_in_training_is_left_out() -> None:
    assert split_by_year(labelled({2000: 200, 2001: 50}), FEATURES).features == ("release_year", "signal")[1:]
    assert split_by_year(labelled({1999: 100, 2000: 100, 2001: 50}), FEATURES).features == ("release_year", "signal")


def test_too_few_movies_or_a_single_year_is_refused_with_the_number() -> None:
    with pytest.raises(BadInput, match=f"{MIN_ROWS - 1} movies"):
        split_by_year(labelled({2000: 99, 2001: MIN_ROWS - 100}), FEATURES)
    with pytest.raises(BadInput, match="all labelled movies are of 2000"):
        split_by_year(labelled({2000: 300}), FEATURES)


def test_movies_without_a_year_are_left_out_and_the_hash_knows_every_value() -> None:
    rows = labelled({2000: 200, 2001: 50})
    undated = rows.head(1).with_columns(pl.lit(None, pl.Float64).alias("release_year"), movie_id=pl.lit("tt9"))
    assert split_by_year(pl.concat([rows, undated]), FEATURES).dataset_hash == split_by_year(rows, FEATURES).dataset_hash
    other = rows.with_columns(pl.col("average_rating") + 0.1)
    assert split_by_year(other, FEATURES).dataset_hash != split_by_year(rows, FEATURES).dataset_hash


def test_a_trial_beats_the_baseline_and_its_export_equals_scikit_learn(split: Split, evaluation: Evaluation) -> None:
    assert evaluation.scores["test"].rmse < 0.7 * evaluation.scores["baseline"].rmse
    assert evaluation.decision.passed
    assert read_onnx_features(evaluation.exported) == list(split.features)
    matrix = to_matrix(split.test, split.features)
    assert np.abs(predict_onnx(evaluation.exported, matrix) - evaluation.fitted.predict(matrix)).max() <= 1e-4
    assert evaluation.importance[list(split.features).index("signal")] > 0.2


def test_the_same_split_gives_the_same_model_which_does_not_beat_itself(split: Split, evaluation: Evaluation) -> None:
    second = evaluate(split, evaluation.exported)
    assert second.scores["test"] == evaluation.scores["test"]
    assert second.scores["champion"].rmse == pytest.approx(evaluation.scores["test"].rmse, abs=1e-6)
    assert not second.decision.passed
    assert evaluate(split, evaluation.exported, champion_is_servable=False).decision.passed


def test_a_champion_sees_a_removed_feature_as_unknown(split: Split, evaluation: Evaluation) -> None:
    gone = predict_with(evaluation.exported, split.test.drop("signal"))
    assert np.allclose(gone, predict_with(evaluation.exported, split.test.with_columns(pl.lit(None, pl.Float64).alias("signal"))))


def test_an_export_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    model = fit(matrix, matrix[:, 0].astype(np.float64))
    monkeypatch.setattr("tasks.core.model.fitting.predict_onnx", lambda exported, rows: np.full(len(rows), np.nan))
    with pytest.raises(RuntimeError, match="differs from scikit-learn"):
        export_onnx(model, ["a", "b"], matrix)


@pytest.mark.parametrize(
    ("candidate", "baseline", "champion", "passed", "reason"),
    [
        (0.8, 1.0, None, True, "20.0% below the constant baseline"),
        (0.8, 1.0, 0.9, True, "the champion had 0.9000"),
        (0.8, 1.0, 0.8, False, "not below the champion's 0.8000"),
        (1.0, 1.0, None, False, "not below the constant baseline"),
        (float("nan"), 1.0, None, False, "not below the constant baseline"),
    ],
)
def test_the_gate(candidate: float, baseline: float, champion: float | None, passed: bool, reason: str) -> None:
    decision = decide_promotion(candidate, baseline, champion)
    assert decision.passed is passed
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("lowest", "highest", "refused"),
    [(1.0, 10.0, False), (0.999, 9.0, True), (3.0, 10.001, True), (float("nan"), float("nan"), True)],
)
def test_a_model_with_an_invalid_output_does_not_pass(lowest: float, highest: float, refused: bool) -> None:
    assert (check_range(lowest, highest) is not None) is refused


def test_a_good_model_that_leaves_the_scale_does_not_pass() -> None:
    far = labelled({2000: 300, 2001: 300, 2002: 150}).with_columns(pl.col("average_rating") + 4)
    evaluation = evaluate(split_by_year(far, FEATURES), None)
    assert evaluation.scores["test"].rmse < 0.7 * evaluation.scores["baseline"].rmse
    assert not evaluation.decision.passed
    assert "are not all ratings from 1 to 10" in evaluation.decision.reason


@pytest.mark.parametrize(("candidate", "passed"), [(0.7, True), (0.81, True), (1.0, False)])
def test_a_champion_that_cannot_be_served_blocks_no_newer_model(candidate: float, passed: bool) -> None:
    assert decide_promotion(candidate, 1.0, 0.8, champion_is_servable=False).passed is passed


def test_the_pictures_show_what_they_are_given() -> None:
    actual, predicted = np.array([5.0, 6.0, 7.0]), np.array([5.5, 6.0, 6.5])
    years = np.array([2001.0, 2001.0, 2002.0])
    assert draw_predicted_against_actual(actual, predicted).axes[0].get_xlabel() == "IMDb rating"
    assert draw_residuals_by_year(years, actual - predicted).axes[0].lines[0].get_xdata().tolist() == [2001, 2002]  # type: ignore[union-attr]
    bars = draw_importance(["low", "high"], np.array([0.1, 0.9])).axes[0]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["low", "high"]
