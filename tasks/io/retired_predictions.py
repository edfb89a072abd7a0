"""Removes from S3 the files of retired prediction sets.

The SQLite file goes at once, since only a deployment refers to it. The Parquet file goes when the receipts that are replayed from
it are deleted. Each time the row is changed first, so that no reader is led to a missing file; after a kill the next run repeats
the removal.
"""

import logging
from datetime import datetime

import psycopg

from tasks.io.postgres.connection import PostgresSettings, connect
from tasks.io.postgres.lease import Lease
from tasks.io.s3.bucket import Bucket

log = logging.getLogger("tasks.retired_predictions")


def remove_databases(settings: PostgresSettings, bucket: Bucket, lease: Lease) -> None:
    """Remove the SQLite file of each retired set, then its key from the row."""
    with connect(settings) as conn:
        found = conn.execute(
            """select prediction_set, database_key from prediction_set
               where state = 'retired' and database_key is not null order by prediction_set"""
        ).fetchall()
    for prediction_set, key in found:
        with lease.held() as conn:
            delete_unless_used(conn, bucket, key)
            conn.execute(
                """update prediction_set set database_key = null, database_sha256 = null, database_bytes = null
                   where prediction_set = %s""",
                (prediction_set,),
            )
        log.info("removed the prediction database of %s", prediction_set)


def remove_ratings(settings: PostgresSettings, bucket: Bucket, lease: Lease, before: datetime) -> None:
    """Remove row and Parquet file of the retired sets that were made and last live before this moment."""
    with lease.held() as conn:
        conn.execute(
            # A size of 0 marks a file that is being removed: replay does not read it.
            """update prediction_set set object_bytes = 0
               where state = 'retired' and database_key is null and greatest(predicted_at, (
                   select max(coalesce(ended_at, now())) from deployment
                   where deployment.prediction_set = prediction_set.prediction_set and live_at is not null
               )) < %s""",
            (before,),
        )
    with connect(settings) as conn:
        found = conn.execute(
            "select prediction_set, object_key from prediction_set where object_bytes = 0 order by prediction_set"
        ).fetchall()
    for prediction_set, key in found:
        with lease.held() as conn:
            delete_unless_used(conn, bucket, key)
            conn.execute("delete from prediction_set where prediction_set = %s", (prediction_set,))
        log.info("removed the ratings of the predictions %s", prediction_set)


def delete_unless_used(conn: psycopg.Connection, bucket: Bucket, key: str) -> None:
    """Delete the object unless a set that is ready has it too; files are named by their content."""
    used = conn.execute(
        "select from prediction_set where state = 'ready' and %(key)s in (object_key, database_key) limit 1", {"key": key}
    ).fetchone()
    if used is None:
        bucket.delete(key)
