"""The record of feature sets in Postgres: which is live, which was before, which are to be removed."""

import psycopg

from tasks.core.features.feature_set import FeatureSet


def start(conn: psycopg.Connection, fresh: FeatureSet) -> None:
    """Record that a set is being written, so that a killed publish leaves a trace to clean up after."""
    conn.execute(
        """insert into feature_set (feature_set, snapshot_id, content_hash, movies, state)
           values (%s, %s, %s, %s, 'writing')
           on conflict (feature_set) do update set state = 'writing'
           where feature_set.state not in ('live', 'previous')""",
        (fresh.feature_set, int(fresh.snapshot_id), fresh.content_hash, fresh.movies),
    )


def make_live(conn: psycopg.Connection, live: FeatureSet) -> list[str]:
    """Record what the pointer says and return the sets to remove: all but the live one and the one before it."""
    before = conn.execute(
        "select feature_set from feature_set where state = 'live' and feature_set <> %s", (live.feature_set,)
    ).fetchone()
    if before:
        conn.execute("update feature_set set state = 'writing' where state = 'previous'")
        conn.execute("update feature_set set state = 'previous' where feature_set = %s", before)
    conn.execute(
        """insert into feature_set (feature_set, snapshot_id, content_hash, movies, state, published_at)
           values (%s, %s, %s, %s, 'live', %s)
           on conflict (feature_set) do update set state = 'live', published_at = excluded.published_at
           where (feature_set.state, feature_set.published_at) is distinct from (excluded.state, excluded.published_at)""",
        (live.feature_set, int(live.snapshot_id), live.content_hash, live.movies, live.published_at),
    )
    return [name for (name,) in conn.execute("select feature_set from feature_set where state = 'writing' order by feature_set")]


def mark_retired(conn: psycopg.Connection, name: str) -> None:
    conn.execute("update feature_set set state = 'retired' where feature_set = %s", (name,))
