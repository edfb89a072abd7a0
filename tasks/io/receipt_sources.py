"""Reads what receipts refer to: models in MLflow, rows of the offline store, prediction sets in S3."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import psycopg

from tasks.core.audit.receipts import Receipt, Row, read_day
from tasks.io.feast import latest_rows, offline_store
from tasks.io.mlflow import registry
from tasks.io.mlflow.model_files import read_model
from tasks.io.s3.bucket import Bucket

RATED = ["movie_id", "rating", "model_output", "features_as_of"]
RowsById = dict[str, Row]
Published = tuple[str, str]
"""A feature set, and the snapshot that it was published from."""


@dataclass(frozen=True)
class Sources:
    """The models and the offline rows of some receipts; those that were deleted are left out."""

    models: Mapping[str, bytes]
    """The model file of each version."""
    rows: Mapping[Published, RowsById]


def read_sources(tracking_uri: str, receipts: Sequence[Receipt]) -> Sources:
    """Read the model and the offline row of each receipt."""
    if not receipts:
        return Sources({}, {})
    return Sources(read_models(tracking_uri, [receipt.model_version for receipt in receipts]), read_rows(receipts))


def group_receipts(receipts: Sequence[Receipt]) -> dict[tuple[str, Published], list[Receipt]]:
    """Return the receipts by model version, feature set and snapshot, in that order."""
    groups: dict[tuple[str, Published], list[Receipt]] = {}
    for receipt in receipts:
        groups.setdefault((receipt.model_version, published_from(receipt)), []).append(receipt)
    return dict(sorted(groups.items()))


def published_from(receipt: Receipt) -> Published:
    return receipt.feature_set, receipt.snapshot_id


def read_models(tracking_uri: str, versions: Iterable[str]) -> dict[str, bytes]:
    """Return the model file of each version that MLflow has."""
    with registry.connect(tracking_uri) as client:
        models = {version: read_model(client, version) for version in sorted(set(versions))}
    return {version: exported for version, exported in models.items() if exported is not None}


def read_rows(receipts: Sequence[Receipt]) -> dict[Published, RowsById]:
    """Return the receipts' movies as the offline store had them; leave out snapshots that it does not have any more."""
    wanted: dict[Published, set[str]] = {}
    for receipt in receipts:
        wanted.setdefault(published_from(receipt), set()).add(receipt.movie_id)
    with offline_store.reachable():
        table = offline_store.open_table()
        rows_by_set: dict[Published, RowsById] = {}
        for (feature_set, snapshot_id), movie_ids in sorted(wanted.items()):
            day, number = read_day(feature_set), int(snapshot_id) if snapshot_id.isdigit() else 0
            if table is None or day is None or table.snapshot_by_id(number) is None:
                continue
            rows = latest_rows.read_rows_of(table, day, movie_ids, number).filter(~pl.col("withdrawn"))
            rows_by_set[feature_set, snapshot_id] = by_movie(rows)
    return rows_by_set


def read_ratings(conn: psycopg.Connection, bucket: Bucket, receipts: Sequence[Receipt]) -> dict[tuple[str, str], RowsById]:
    """Return the receipts' movies as their prediction set rated them, by model sha256 and feature set; leave out deleted sets."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for receipt in receipts:
        wanted.setdefault((receipt.model_sha256, receipt.feature_set), set()).add(receipt.movie_id)
    ratings_by_set = {}
    for (sha256, feature_set), movie_ids in sorted(wanted.items()):
        # By content: the same ratings may have been published again since, for a feature set of another name.
        row = conn.execute(
            """select object_key from prediction_set
               where object_bytes > 0 and model_sha256 = %(model)s and (feature_set = %(set)s
                 or content_hash = (select content_hash from feature_set where feature_set = %(set)s))""",
            {"model": sha256, "set": feature_set},
        ).fetchone()
        if row is not None:
            ratings = pl.read_parquet(io.BytesIO(bucket.read(row[0])), columns=RATED)
            ratings_by_set[sha256, feature_set] = by_movie(ratings.filter(pl.col("movie_id").is_in(movie_ids)))
    return ratings_by_set


def by_movie(rows: pl.DataFrame) -> RowsById:
    return {row["movie_id"]: row for row in rows.iter_rows(named=True)}
