"""Rates every movie of a feature set as the API would, and writes the ratings as a Parquet file."""

import hashlib
from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.core.errors import BadModel
from tasks.core.model.onnx_model import predict_rows, read_onnx_features
from tasks.core.rating import DECIMALS, HIGHEST_RATING, LOWEST_RATING

ROWS_PER_GROUP = 50_000

SCHEMA = pa.schema(
    [
        pa.field("movie_id", pa.string(), nullable=False),
        pa.field("tmdb_id", pa.int64()),
        pa.field("title", pa.string()),
        pa.field("rating", pa.float64(), nullable=False),
        pa.field("model_output", pa.float64(), nullable=False),
        pa.field("features_as_of", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
"""The fields of an answer of the API, and the TMDB id, because a request may name the movie by it."""


def compute_set_id(model_version: str, model_sha256: str, feature_set: str) -> str:
    """Return the prediction set's id, a hash of its inputs, so that other predictions never get the same id."""
    return hashlib.sha256(f"{model_version}:{model_sha256}:{feature_set}".encode()).hexdigest()[:32]


def compute_predictions(exported: bytes, rows: pl.DataFrame) -> pl.DataFrame:
    """Return a rating for each movie; columns as in SCHEMA, by movie_id.

    rows: those of one feature set with their event_timestamp; null is unknown, as the model saw it in training. Raises
    BadModel where the API would reject the model or the answer: a feature is missing, or an output is not a rating.
    """
    absent = [name for name in read_onnx_features(exported) if name not in rows.columns]
    if absent:
        raise BadModel(f"the model reads {', '.join(absent)}, which the feature set does not have")
    rows = rows.sort("movie_id")
    outputs = predict_rows(exported, rows)
    if len(outputs) != rows.height:
        raise BadModel(f"the model gives {len(outputs)} ratings for {rows.height} movies")
    predictions = rows.select(
        "movie_id",
        "tmdb_id",
        "title",
        # Python's round is what the API uses; that of numpy and polars differs from it near a half.
        pl.Series("rating", [round(output, DECIMALS) for output in outputs.tolist()], pl.Float64),
        pl.Series("model_output", outputs, pl.Float64),
        pl.col("event_timestamp").alias("features_as_of"),
    )
    check_plausible(predictions)
    return predictions


def check_plausible(predictions: pl.DataFrame) -> None:
    """Raise BadModel for a rating outside IMDb's scale, which the API would reject too; NaN is outside."""
    wrong = predictions.filter(~pl.col("model_output").is_between(LOWEST_RATING, HIGHEST_RATING))  # false for NaN too
    if wrong.height:
        movie_id, output = wrong.select("movie_id", "model_output").row(0)
        raise BadModel(
            f"the model rates {movie_id} {output:g}, which is not a rating from 1 to 10; the same is true of"
            f" {wrong.height} of its {predictions.height} outputs"
        )


def render_parquet(predictions: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    """Return the predictions as a Parquet file; `about`, what they were made from, becomes its metadata.

    The rows are sorted by movie_id in groups with statistics, so that a reader finds a movie without reading all groups. The
    same predictions give the same bytes.
    """
    schema = SCHEMA.with_metadata(dict(about))
    body = pa.BufferOutputStream()
    pq.write_table(
        predictions.to_arrow().cast(schema),
        body,
        row_group_size=ROWS_PER_GROUP,
        compression="zstd",
        sorting_columns=[pq.SortingColumn(0)],
    )
    return bytes(body.getvalue())
