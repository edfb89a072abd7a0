"""The predictions of all films: their files in S3, their table in Postgres, and what says which are live: a row, a Redis key."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

import psycopg
from psycopg.rows import class_row
from redis import Redis

from tasks.core.errors import Unavailable
from tasks.io.s3.bucket import Bucket

POINTER = "marquee:prediction_set"
"""Holds, as JSON, what the API must know of the live set to fetch its catalogue and to answer from it."""
POINTER_FIELDS = (
    *("prediction_set", "catalogue_key", "catalogue_sha256", "catalogue_bytes", "films"),
    *("model_version", "model_sha256", "feature_set", "day", "predicted_at"),
)


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
    """Of the Parquet file."""
    catalogue_key: str | None
    catalogue_sha256: str | None
    catalogue_bytes: int | None
    """Of the SQLite file; null, all three, in a row written before there was one."""
    predicted_at: datetime


def read_live(conn: psycopg.Connection) -> PredictionSet | None:
    """The live set, or None before the first."""
    with conn.cursor(row_factory=class_row(PredictionSet)) as cursor:
        return cursor.execute(
            """select prediction_set, model_version, model_sha256, feature_set, content_hash, day, films,
                      object_key, object_bytes, catalogue_key, catalogue_sha256, catalogue_bytes, predicted_at
               from prediction_set where state = 'live'"""
        ).fetchone()


def write_file(bucket: Bucket, body: bytes, suffix: str) -> str:
    """Keep the bytes under the name of their sha256, read them back, and return the key."""
    sha256 = hashlib.sha256(body).hexdigest()
    key = f"predictions/{sha256}.{suffix}"
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
                                       object_key, object_bytes, catalogue_key, catalogue_sha256, catalogue_bytes,
                                       state, predicted_at)
           values (%(prediction_set)s, %(model_version)s, %(model_sha256)s, %(feature_set)s, %(content_hash)s, %(day)s, %(films)s,
                   %(object_key)s, %(object_bytes)s, %(catalogue_key)s, %(catalogue_sha256)s, %(catalogue_bytes)s,
                   'live', %(predicted_at)s)
           on conflict (prediction_set) do update set
               model_version = excluded.model_version, feature_set = excluded.feature_set, day = excluded.day,
               films = excluded.films, object_key = excluded.object_key, object_bytes = excluded.object_bytes,
               catalogue_key = excluded.catalogue_key, catalogue_sha256 = excluded.catalogue_sha256,
               catalogue_bytes = excluded.catalogue_bytes,
               state = 'live', predicted_at = excluded.predicted_at""",
        asdict(fresh),
    )


def write_day(conn: psycopg.Connection, live: PredictionSet, day: date) -> None:
    """Record that the same ratings are right for another day."""
    conn.execute("update prediction_set set day = %s where prediction_set = %s", (day, live.prediction_set))


def points_at(redis: Redis, live: PredictionSet) -> bool:
    """The Redis key tells of this set, to the last field."""
    return redis.get(POINTER) == _render_pointer(live)


def write_pointer(redis: Redis, live: PredictionSet) -> None:
    """Tell the API of the set: one SET, so it sees the set before or this one."""
    redis.set(POINTER, _render_pointer(live))


def _render_pointer(live: PredictionSet) -> bytes:
    fields = {name: value for name, value in asdict(live).items() if name in POINTER_FIELDS}
    times = {"day": live.day.isoformat(), "predicted_at": live.predicted_at.astimezone(UTC).isoformat()}
    return json.dumps(fields | times).encode()
