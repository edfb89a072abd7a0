"""Every movie's rating and the file of them: the API's answers, or a refusal that names the movie."""

import io
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from onnx import helper
from onnx.helper import make_tensor

from serving.core.rating import HIGHEST_RATING, LOWEST_RATING, RATING_DECIMALS
from serving.models.onnx_model import load_onnx_model
from tasks.core import rating
from tasks.core.errors import BadModel
from tasks.core.model import onnx_model as core_model
from tasks.core.predictions import predict as core
from tasks.core.predictions.predict import compute_predictions, compute_set_id, render_parquet
from tests.serving.tiny_models import FEATURES, export_onnx, graph_onnx, one_number_onnx, train_boosting

MOVIES = 1000
AS_OF = datetime(2026, 11, 22, tzinfo=UTC)


def rows(movies: int = MOVIES) -> pl.DataFrame:
    """Noise, a fifth of it unknown, its columns in no model's order."""
    random = np.random.default_rng(7)
    values = random.normal(size=(movies, len(FEATURES))).round(3)
    values[random.random(values.shape) < 0.2] = np.nan
    ids = [f"tt{number:07d}" for number in range(movies)]
    frame = pl.DataFrame({"movie_id": ids, "tmdb_id": range(movies), "title": [None, *ids[1:]]})
    features = pl.DataFrame(values, schema=list(FEATURES)).fill_nan(None).select(reversed(FEATURES))
    return frame.hstack(features).with_columns(pl.lit(AS_OF).dt.cast_time_unit("us").alias("event_timestamp"))


def first_feature_onnx() -> bytes:
    """A model that answers a movie's first feature as its rating."""
    first = make_tensor("first", 7, [1], [0])
    return graph_onnx([helper.make_node("Gather", ["features", "first"], ["variable"], axis=1)], [first])


@pytest.fixture(scope="module")
def exported() -> bytes:
    return export_onnx(train_boosting())


def test_every_movie_is_rated_as_the_api_rates_it(exported: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_model, "ROWS_PER_CALL", 300)
    movies = rows()
    predictions = compute_predictions(exported, movies.sample(fraction=1, shuffle=True, seed=1))
    assert predictions["movie_id"].to_list() == movies["movie_id"].to_list()
    serving = load_onnx_model(exported)
    matrix = movies.select(serving.features).to_numpy().astype(np.float32)
    answers = [serving.predict(row) for row in matrix]
    assert predictions["model_output"].to_list() == answers
    assert predictions["rating"].to_list() == [round(answer, RATING_DECIMALS) for answer in answers]
    assert np.abs(predictions["model_output"].to_numpy() - train_boosting().predict(matrix)).max() < 1e-5
    assert predictions["model_output"].n_unique() > MOVIES / 2


def test_plausible_means_the_same_to_the_api() -> None:
    assert (rating.LOWEST_RATING, rating.HIGHEST_RATING) == (LOWEST_RATING, HIGHEST_RATING)


@pytest.mark.parametrize("rating", [0.999, 10.001, -6.0, float("inf"), float("nan")])
def test_a_rating_off_the_scale_is_refused_with_the_movie_and_the_number(rating: float) -> None:
    movies = rows(3).with_columns(pl.Series(FEATURES[0], [10.0, rating, 1.0]))
    with pytest.raises(BadModel, match=f"rates tt0000001 {rating:g}, .* 1 of its 3 outputs"):
        compute_predictions(first_feature_onnx(), movies)
    assert compute_predictions(first_feature_onnx(), movies[[0, 2]])["rating"].to_list() == [10.0, 1.0]


def test_an_unknown_value_is_not_a_number_to_the_model() -> None:
    with pytest.raises(BadModel, match="rates tt0000000 nan"):
        compute_predictions(first_feature_onnx(), rows(1).with_columns(pl.lit(None, pl.Float64).alias(FEATURES[0])))


def test_a_feature_that_the_set_does_not_have_is_refused_by_name(exported: bytes) -> None:
    with pytest.raises(BadModel, match=f"reads {FEATURES[1]}, {FEATURES[3]}, which"):
        compute_predictions(exported, rows(1).drop(FEATURES[1], FEATURES[3]))


def test_a_model_that_does_not_rate_row_by_row_is_refused() -> None:
    with pytest.raises(BadModel, match="gives 1 ratings for 2 movies"):
        compute_predictions(one_number_onnx(6.0), rows(2))


def test_an_empty_frame_gives_no_ratings(exported: bytes) -> None:
    assert compute_predictions(exported, rows(1).clear()).height == 0


def test_the_file_holds_the_sorted_predictions_and_their_origin(exported: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "ROWS_PER_GROUP", 400)
    predictions = compute_predictions(exported, rows())
    body = render_parquet(predictions, {"model_version": "3"})
    assert render_parquet(predictions, {"model_version": "3"}) == body
    read = pq.read_table(io.BytesIO(body))
    assert pl.DataFrame(read).equals(predictions, null_equal=True)
    assert read.schema.field("rating").nullable is False
    assert read.schema.metadata[b"model_version"] == b"3"
    layout = pq.ParquetFile(io.BytesIO(body)).metadata
    ranges = [layout.row_group(number).column(0).statistics for number in range(layout.num_row_groups)]
    assert [(group.min, group.max) for group in ranges] == [
        ("tt0000000", "tt0000399"), ("tt0000400", "tt0000799"), ("tt0000800", "tt0000999"),
    ]  # fmt: skip


def test_a_set_is_named_by_its_model_and_its_features() -> None:
    names = {compute_set_id(version, sha, features) for version in "12" for sha in "ab" for features in "cd"}
    assert len(names) == 8
    assert compute_set_id("1", "a", "c") in names
    assert all(len(name) == 32 for name in names)
