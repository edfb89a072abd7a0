"""The fitted model and its export decide alike, also for a value that lies on a threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from tasks.core.model import fitting
from tasks.core.model.fitting import export_onnx, fit
from tasks.core.model.onnx_model import Floats, predict_onnx

LOW, MIDDLE, HIGH = 6.371, 6.373, 6.375
"""As float32, the middle value is just above the exact middle of the other two, which is the threshold of the fit."""


def make_sample() -> tuple[Floats, NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    features = rng.choice([LOW, HIGH], (400, 1)).astype(np.float32)
    return features, np.where(features[:, 0] > MIDDLE, 8.0, 3.0) + rng.normal(0, 0.1, 400)


ROUNDED = fit(*make_sample())
EXACT = HistGradientBoostingRegressor(**fitting.PARAMETERS).fit(*make_sample())


def test_a_movie_whose_value_lies_on_a_threshold_gets_the_same_rating_from_both() -> None:
    model = fit(*make_sample())
    check = np.array([[LOW], [MIDDLE], [HIGH], [np.nan]], np.float32)
    assert predict_onnx(export_onnx(model, ["director_rating"], check), check) == pytest.approx(model.predict(check), abs=1e-5)
    assert model.predict(check)[1] > 7


def test_without_rounded_thresholds_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, the export has changed, and round_thresholds_down can be removed."""
    monkeypatch.setattr(fitting, "round_thresholds_down", lambda _: None)
    with pytest.raises(RuntimeError, match="the exported model differs from scikit-learn by"):
        export_onnx(fit(*make_sample()), ["director_rating"], np.array([[MIDDLE]], np.float32))


@given(st.lists(st.floats(-1e6, 1e6, width=32) | st.sampled_from([LOW, MIDDLE, HIGH]), min_size=1, max_size=20))
def test_a_rounded_threshold_decides_the_same_for_every_float32(values: list[float]) -> None:
    check = np.array(values, np.float32).reshape(-1, 1)
    assert ROUNDED.predict(check).tolist() == EXACT.predict(check).tolist()
