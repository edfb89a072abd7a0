"""Rate every film of the live feature set with the champion, as the API would, and make these ratings the live ones.

Reads the pointer in Redis, the offline snapshot that the live set was published from, and the champion in MLflow. Writes a
Parquet file and an SQLite catalogue under predictions/ in the bucket; then, in one transaction, table prediction and its
pointer, the live row of prediction_set; last the Redis key by which the API learns of the catalogue. The ratings before are
kept in their files. The same champion and features are not rated again.
"""

import hashlib
import logging
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
from redis import Redis
from redis.exceptions import RedisError

from tasks.command import main
from tasks.core.errors import BadInput, Unavailable
from tasks.core.features.changes import compute_content_hash
from tasks.core.features.feature_set import FeatureSet
from tasks.core.predictions.predict import compute_predictions, compute_set_id, render_parquet
from tasks.core.predictions.title_database import render_title_database
from tasks.io import prediction_sets
from tasks.io.feast import offline_store, online_store
from tasks.io.mlflow import registry
from tasks.io.mlflow.registry import Champion
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tables import NewTable, swap_new_table
from tasks.io.prediction_sets import PredictionSet
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings

log = logging.getLogger("tasks.predict_all")

IN_TABLE = ("movie_id", "rating", "model_output", "features_as_of")
"""Of the file's columns; the others are in the movies database already."""


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Same champion and feature set twice, same state: the second run only writes what a kill left unwritten."""
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    try:
        live = read_live_features(redis, day)
        rated = rate(settings, live, lease)
        if not prediction_sets.points_at(redis, rated):
            with lease.held():
                prediction_sets.write_pointer(redis, rated)
            log.info("the API is told of predictions %s: %s", rated.prediction_set, rated.catalogue_key)
    except RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def rate(settings: Settings, live: FeatureSet, lease: Lease) -> PredictionSet:
    """The live ratings of this feature set by the champion, made unless they are there already."""
    champion = read_champion(settings)
    set_id, as_of = compute_set_id(champion.sha256, live.content_hash), date.fromisoformat(live.day)
    with connect(settings) as conn:
        known = prediction_sets.read_live(conn)
    names = (set_id, champion.version, live.feature_set)
    if known and known.catalogue_key and (known.prediction_set, known.model_version, known.feature_set) == names:
        log.info("version %s has rated feature set %s already: %d films", known.model_version, known.feature_set, known.films)
        if known.day != as_of:
            with lease.held() as conn:
                prediction_sets.write_day(conn, known, as_of)
        return replace(known, day=as_of)
    log.info("version %s rates feature set %s", champion.version, live.feature_set)
    rows = read_rows(live)
    predictions, about = compute_predictions(champion.exported, rows), describe(set_id, champion, live)

    parquet = render_parquet(predictions, about)
    catalogue = render_title_database(predictions, rows, about | {"snapshot_id": live.snapshot_id})
    bucket = Bucket.from_settings(settings)
    fresh = PredictionSet(
        prediction_set=set_id,
        model_version=champion.version,
        model_sha256=champion.sha256,
        feature_set=live.feature_set,
        content_hash=live.content_hash,
        day=as_of,
        films=predictions.height,
        object_key=prediction_sets.write_file(bucket, parquet, "parquet"),
        object_bytes=len(parquet),
        catalogue_key=prediction_sets.write_file(bucket, catalogue, "sqlite"),
        catalogue_sha256=hashlib.sha256(catalogue).hexdigest(),
        catalogue_bytes=len(catalogue),
        predicted_at=datetime.now(UTC),
    )
    write(predictions, fresh, lease)
    log.info("predictions %s are live: %d films, %s", set_id, fresh.films, fresh.object_key)
    return fresh


def read_live_features(redis: Redis, day: date) -> FeatureSet:
    """The live feature set; one that knows more than was known on the day is refused."""
    live = online_store.read_live(redis)
    if live is None:
        raise BadInput("no feature set is live: run build_features and publish_features first")
    if live.day > day.isoformat():
        raise BadInput(
            f"the live feature set {live.feature_set} is of {live.day}, later than {day}: give that day or a later one"
        )
    return live


def read_champion(settings: Settings) -> Champion:
    with registry.connect(settings.mlflow_tracking_uri) as client:
        champion = registry.read_champion(client)
    if champion is None:
        raise BadInput("no version has the alias champion: run train_model first")
    return champion


def read_rows(live: FeatureSet) -> pl.DataFrame:
    """The rows that the live set was published from; refused unless they are, to the last value, what is in Redis."""
    with offline_store.reachable():
        table = offline_store.open_table()
        if table is None or table.snapshot_by_id(int(live.snapshot_id)) is None:
            raise BadInput(f"the offline store has no snapshot {live.snapshot_id}: run build_features and publish_features")
        rows = offline_store.read_latest(table, date.fromisoformat(live.day), int(live.snapshot_id))
    rows = rows.filter(~pl.col("withdrawn")).drop("withdrawn")
    content_hash = compute_content_hash(rows.drop(offline_store.TIMES))
    if content_hash != live.content_hash:
        raise BadInput(
            f"snapshot {live.snapshot_id} has content {content_hash[:12]} as of {live.day}, feature set {live.feature_set} has"
            f" {live.content_hash[:12]}: run build_features and publish_features"
        )
    return rows


def describe(set_id: str, champion: Champion, live: FeatureSet) -> dict[str, str]:
    """What the file says of itself. Not the day: that may go on while the ratings stay."""
    return {
        "prediction_set": set_id,
        "model_name": registry.MODEL,
        "model_version": champion.version,
        "model_sha256": champion.sha256,
        "feature_set": live.feature_set,
        "content_hash": live.content_hash,
    }


def write(predictions: pl.DataFrame, fresh: PredictionSet, lease: Lease) -> None:
    """The table and the pointer in one transaction: readers see the ratings before or these, whole."""
    rows = predictions.select(
        *IN_TABLE, model_version=pl.lit(fresh.model_version), feature_set=pl.lit(fresh.feature_set)
    ).to_arrow()
    with lease.connect() as conn:
        with NewTable(conn, "prediction") as table:
            table.write(rows)
        lease.check(conn)
        swap_new_table(conn, "prediction")
        prediction_sets.make_live(conn, fresh)


if __name__ == "__main__":
    main(run, __doc__)
