"""Reads and writes prediction sets: their files in S3 and their rows in Postgres."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from tasks.core.errors import Unavailable
from tasks.io.s3.bucket import Bucket


@dataclass(frozen=True)
class PredictionSet:
    """A row of prediction_set without its state: the model, the feature set, and the keys of the files with the ratings."""

    prediction_set: str
    model_version: str
    model_sha256: str
    feature_set: str
    content_hash: str
    day: date
    movies: int
    object_key: str
    object_bytes: int
    """The size of the Parquet file."""
    database_key: str | None
    database_sha256: str | None
    database_bytes: int | None
    """The size of the SQLite file. All three are null in a row that is older than the SQLite files."""
    predicted_at: datetime


def read_set(conn: psycopg.Connection, prediction_set: str) -> PredictionSet | None:
    """Return the set with this id, or None if there is none or it is retired."""
    with conn.cursor(row_factory=class_row(PredictionSet)) as cursor:
        return cursor.execute(
            """select prediction_set, model_version, model_sha256, feature_set, content_hash, day, movies,
                      object_key, object_bytes, database_key, database_sha256, database_bytes, predicted_at
               from prediction_set where state = 'ready' and prediction_set = %s""",
            (prediction_set,),
        ).fetchone()


def read_set_of(conn: psycopg.Connection, model_version: str, model_sha256: str, feature_set: str) -> PredictionSet | None:
    """Return the newest prediction set of this model version and feature set, or None if there is none."""
    row = conn.execute(
        """select prediction_set from prediction_set
           where state = 'ready' and model_version = %s and model_sha256 = %s and feature_set = %s and database_key is not null
           order by predicted_at desc limit 1""",
        (model_version, model_sha256, feature_set),
    ).fetchone()
    return read_set(conn, row[0]) if row else None


def write_file(bucket: Bucket, body: bytes, suffix: str) -> str:
    """Store the bytes under their sha256, read them back to check them, and return the key."""
    sha256 = hashlib.sha256(body).hexdigest()
    key = f"predictions/{sha256}.{suffix}"
    bucket.put_once(key, body)
    if hashlib.sha256(bucket.read(key)).hexdigest() != sha256:
        raise Unavailable(f"s3://{bucket.name}/{key} has other bytes than its name says; remove that object and start again")
    return key


def write_set(conn: psycopg.Connection, fresh: PredictionSet) -> None:
    """Record a set whose files are in S3."""
    conn.execute(
        """insert into prediction_set (prediction_set, model_version, model_sha256, feature_set, content_hash, day, movies,
                                       object_key, object_bytes, database_key, database_sha256, database_bytes,
                                       state, predicted_at)
           values (%(prediction_set)s, %(model_version)s, %(model_sha256)s, %(feature_set)s, %(content_hash)s, %(day)s,
                   %(movies)s, %(object_key)s, %(object_bytes)s, %(database_key)s, %(database_sha256)s, %(database_bytes)s,
                   'ready', %(predicted_at)s)
           on conflict (prediction_set) do update set
               model_version = excluded.model_version, feature_set = excluded.feature_set, day = excluded.day,
               movies = excluded.movies, object_key = excluded.object_key, object_bytes = excluded.object_bytes,
               database_key = excluded.database_key, database_sha256 = excluded.database_sha256,
               database_bytes = excluded.database_bytes,
               state = 'ready', predicted_at = excluded.predicted_at""",
        asdict(fresh),
    )


def read_unused(conn: psycopg.Connection, kept: list[str], before: datetime) -> list[str]:
    """Return the ids of the sets to retire: those made before this moment, without the kept ones."""
    found = conn.execute(
        """select prediction_set from prediction_set
           where state = 'ready' and predicted_at < %s and not prediction_set = any(%s) order by prediction_set""",
        (before, kept),
    )
    return [prediction_set for (prediction_set,) in found]


def mark_retired(conn: psycopg.Connection, prediction_set: str) -> None:
    conn.execute("update prediction_set set state = 'retired' where prediction_set = %s", (prediction_set,))
