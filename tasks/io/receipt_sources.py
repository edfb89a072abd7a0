"""What receipts point to, each read once: models in MLflow, rows of the offline store, published ratings in S3."""

import io
from collections.abc import Iterable, Sequence

import polars as pl
import psycopg

from tasks.core.audit.receipts import Receipt, Row, read_day
from tasks.io.feast import offline_store
from tasks.io.mlflow import registry
from tasks.io.mlflow.model_files import read_model
from tasks.io.s3.bucket import Bucket

RATED = ["movie_id", "rating", "model_output", "features_as_of"]
RowsById = dict[str, Row]
Published = tuple[str, str]
"""Of a receipt: the feature set, and the snapshot it was published from."""


def published_from(receipt: Receipt) -> Published:
    return receipt.feature_set, receipt.snapshot_id


def read_models(tracking_uri: str, versions: Iterable[str]) -> dict[str, bytes]:
    """The model file of each version that MLflow has."""
    with registry.connect(tracking_uri) as client:
        found = {version: read_model(client, version) for version in sorted(set(versions))}
    return {version: exported for version, exported in found.items() if exported is not None}


def read_rows(receipts: Sequence[Receipt]) -> dict[Published, RowsById]:
    """The receipts' films as the offline store had them, by feature set and snapshot; left out what it has no more."""
    wanted: dict[Published, set[str]] = {}
    for receipt in receipts:
        wanted.setdefault(published_from(receipt), set()).add(receipt.movie_id)
    with offline_store.reachable():
        table = offline_store.open_table()
        found: dict[Published, RowsById] = {}
        for (feature_set, snapshot_id), movie_ids in sorted(wanted.items()):
            day, number = read_day(feature_set), int(snapshot_id) if snapshot_id.isdigit() else 0
            if table is None or day is None or table.snapshot_by_id(number) is None:
                continue
            rows = offline_store.read_latest(table, day, number, movie_ids).filter(~pl.col("withdrawn"))
            found[feature_set, snapshot_id] = by_movie(rows)
    return found


def read_ratings(conn: psycopg.Connection, bucket: Bucket, receipts: Sequence[Receipt]) -> dict[tuple[str, str], RowsById]:
    """The receipts' films as they were rated for all, by model file and feature set; left out what is no more."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for receipt in receipts:
        wanted.setdefault((receipt.model_sha256, receipt.feature_set), set()).add(receipt.movie_id)
    found = {}
    for (sha256, feature_set), movie_ids in sorted(wanted.items()):
        # By content: the same ratings may since have been published anew, of a feature set of another name.
        row = conn.execute(
            """select object_key from prediction_set
               where model_sha256 = %(model)s and (feature_set = %(set)s
                 or content_hash = (select content_hash from feature_set where feature_set = %(set)s))""",
            {"model": sha256, "set": feature_set},
        ).fetchone()
        if row is not None:
            ratings = pl.read_parquet(io.BytesIO(bucket.read(row[0])), columns=RATED)
            found[sha256, feature_set] = by_movie(ratings.filter(pl.col("movie_id").is_in(movie_ids)))
    return found


def by_movie(rows: pl.DataFrame) -> RowsById:
    return {row["movie_id"]: row for row in rows.iter_rows(named=True)}
