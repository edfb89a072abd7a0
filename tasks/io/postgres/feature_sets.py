"""Reads and writes the table feature_set; the state of a set is writing, ready (in Redis) or retired (removed)."""

from datetime import UTC, date, datetime

import psycopg

from tasks.core.features.feature_set import FeatureSet


def read_ready(conn: psycopg.Connection) -> list[FeatureSet]:
    """Return the sets that may go live, by day; leave out sets without a day, which are older than the table deployment."""
    rows = conn.execute(
        """select feature_set, snapshot_id::text, content_hash, movies, day, published_at, schema_hash
           from feature_set where state = 'ready' and day is not null order by day, published_at"""
    ).fetchall()
    return [make_feature_set(row) for row in rows]


def read_same(conn: psycopg.Connection, content_hash: str, schema_hash: str) -> list[FeatureSet]:
    """Return the sets that had this content and schema, in any state, in the order in which they were published."""
    rows = conn.execute(
        """select feature_set, snapshot_id::text, content_hash, movies, day, published_at, schema_hash
           from feature_set where content_hash = %s and schema_hash = %s and day is not null order by published_at""",
        (content_hash, schema_hash),
    ).fetchall()
    return [make_feature_set(row) for row in rows]


def read_feature_set(conn: psycopg.Connection, name: str) -> tuple[FeatureSet, int, str]:
    """Return the set, its number of Redis keys and its state; raise LookupError if there is no row or it has no day."""
    row = conn.execute(
        """select feature_set, snapshot_id::text, content_hash, movies, day, published_at, schema_hash, online_keys, state
           from feature_set where feature_set = %s and day is not null""",
        (name,),
    ).fetchone()
    if row is None:
        raise LookupError(name)
    return make_feature_set(row[:7]), int(row[7]), str(row[8])


def make_feature_set(row: tuple[object, ...]) -> FeatureSet:
    name, snapshot_id, content_hash, movies, day, published_at, schema_hash = row
    assert isinstance(movies, int)  # noqa: S101  # for mypy
    assert isinstance(day, date)  # noqa: S101  # for mypy
    assert isinstance(published_at, datetime)  # noqa: S101  # for mypy
    return FeatureSet(
        feature_set=str(name),
        snapshot_id=str(snapshot_id),
        content_hash=str(content_hash),
        movies=movies,
        day=day.isoformat(),
        published_at=published_at.astimezone(UTC).isoformat(),
        schema_hash=str(schema_hash),
    )


def start(conn: psycopg.Connection, fresh: FeatureSet) -> None:
    """Record that a set is being written, so that the keys of a killed attempt can be found and removed."""
    conn.execute(
        """insert into feature_set (feature_set, snapshot_id, content_hash, movies, state)
           values (%s, %s, %s, %s, 'writing')
           on conflict (feature_set) do update set state = 'writing' where feature_set.state = 'retired'""",
        (fresh.feature_set, int(fresh.snapshot_id), fresh.content_hash, fresh.movies),
    )


def mark_ready(conn: psycopg.Connection, features: FeatureSet, online_keys: int) -> None:
    """Record that the set is whole in Redis, and the latest day for which it is known to be right."""
    conn.execute(
        """insert into feature_set (feature_set, snapshot_id, content_hash, movies, state, day, schema_hash, online_keys,
               published_at)
           values (%s, %s, %s, %s, 'ready', %s, %s, %s, %s)
           on conflict (feature_set) do update set snapshot_id = excluded.snapshot_id, content_hash = excluded.content_hash,
               movies = excluded.movies, state = 'ready', day = greatest(feature_set.day, excluded.day),
               schema_hash = excluded.schema_hash, online_keys = excluded.online_keys, published_at = excluded.published_at""",
        (
            *(features.feature_set, int(features.snapshot_id), features.content_hash, features.movies, features.day),
            *(features.schema_hash, online_keys, features.published_at),
        ),
    )


def read_unused(conn: psycopg.Connection, kept: list[str]) -> list[str]:
    """Return the names of the sets to remove: all that are in Redis, without the kept ones."""
    found = conn.execute(
        "select feature_set from feature_set where state <> 'retired' and not feature_set = any(%s) order by feature_set", (kept,)
    )
    return [name for (name,) in found]


def read_snapshot_ids(conn: psycopg.Connection) -> set[int]:
    """Return the offline snapshots that the sets in Redis were published from."""
    return {int(snapshot_id) for (snapshot_id,) in conn.execute("select snapshot_id from feature_set where state <> 'retired'")}


def mark_writing(conn: psycopg.Connection, name: str) -> None:
    conn.execute("update feature_set set state = 'writing' where feature_set = %s", (name,))


def mark_retired(conn: psycopg.Connection, name: str) -> None:
    conn.execute("update feature_set set state = 'retired' where feature_set = %s", (name,))
