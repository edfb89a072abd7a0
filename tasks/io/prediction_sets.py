"""The predictions of all films: their file in S3, their table in Postgres, and the row that says which are live."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import date

import psycopg
from psycopg.rows import class_row

from tasks.core.errors import Unavailable
from tasks.io.bucket import Bucket


@dataclass(frozen=True)
class PredictionSet:
    """A row of prediction_set without its state: which model rated which features, and where the ratings are."""

    prediction_set: str
    model_version: str
    model_sha256: str
    feature_set: str
    content_hash: str
    day: date
    films: int
    object_key: str
    object_bytes: int


def read_live(conn: psycopg.Connection) -> PredictionSet | None:
    """The live set, or None before the first."""
    with conn.cursor(row_factory=class_row(PredictionSet)) as cursor:
        return cursor.execute(
            """select prediction_set, model_version, model_sha256, feature_set, content_hash, day, films, object_key, object_bytes
               from prediction_set where state = 'live'"""
        ).fetchone()


def write_file(bucket: Bucket, body: bytes) -> str:
    """Keep the bytes under the name of their sha256, read them back, and return the key."""
    sha256 = hashlib.sha256(body).hexdigest()
    key = f"predictions/{sha256}.parquet"
    bucket.put_once(key, body)
    if hashlib.sha256(bucket.read(key)).hexdigest() != sha256:
        raise Unavailable(f"s3://{bucket.name}/{key} has other bytes than its name says; remove that object and start again")
    return key


def make_live(conn: psycopg.Connection, fresh: PredictionSet) -> None:
    """Flip the pointer: the set becomes live, the one that was is kept as previous, and the one before that is retired."""
    conn.execute(
        """update prediction_set set state = case state when 'live' then 'previous' else 'retired' end
           where state in ('live', 'previous') and prediction_set <> %(prediction_set)s
             and exists (select from prediction_set where state = 'live' and prediction_set <> %(prediction_set)s)""",
        asdict(fresh),
    )
    conn.execute(
        """insert into prediction_set (prediction_set, model_version, model_sha256, feature_set, content_hash, day, films,
                                       object_key, object_bytes, state, predicted_at)
           values (%(prediction_set)s, %(model_version)s, %(model_sha256)s, %(feature_set)s, %(content_hash)s, %(day)s, %(films)s,
                   %(object_key)s, %(object_bytes)s, 'live', now())
           on conflict (prediction_set) do update set
               model_version = excluded.model_version, feature_set = excluded.feature_set, day = excluded.day,
               films = excluded.films, object_key = excluded.object_key, object_bytes = excluded.object_bytes,
               state = 'live', predicted_at = excluded.predicted_at""",
        asdict(fresh),
    )


def write_day(conn: psycopg.Connection, live: PredictionSet, day: date) -> None:
    """Record that the same ratings are right for another day."""
    conn.execute("update prediction_set set day = %s where prediction_set = %s", (day, live.prediction_set))
