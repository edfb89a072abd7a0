"""Whether a feature set fits into Redis, asked before it is written."""

import logging
from collections.abc import Mapping
from typing import Any

import polars as pl
from redis import Redis
from redis.exceptions import OutOfMemoryError

from tasks.core.errors import BadSetting
from tasks.core.features.content import Content
from tasks.core.features.online_rows import render_keys, render_rows
from tasks.io.feast import online_store

log = logging.getLogger("tasks.online_memory")

PROBED_ROWS = 200
"""Rows of a view that are written on trial."""
PROBE_SECONDS = 60
"""A killed trial's rows leave by themselves."""
TABLE_BYTES = 24
"""Of Redis's table of keys, for each key, while the table grows: the old one and one of twice its size, 8 bytes a place."""
MIB = 1 << 20


def check_fits(redis: Redis, feature_set: str, views: Mapping[str, pl.DataFrame], content: Content) -> None:
    """Raise BadSetting if Redis has a limit (maxmemory) and the part of the set that it does not hold yet does not fit below it.

    views: what each view has of the content's sample, the entity's key in the first column. Redis evicts nothing (noeviction):
    without this check, a set that does not fit would fail half-written, and so would every other write.
    """
    limit, used = read_memory(redis)
    if limit == 0:
        return
    try:
        sampled = sum(estimate_bytes(redis, f"{feature_set}_probe", view, rows) for view, rows in views.items())
    except OutOfMemoryError as error:
        raise BadSetting(f"REDIS_MAXMEMORY: Redis has used all of its {limit / MIB:.1f} MiB; raise it") from error
    whole, keys = sampled * content.movies / content.sample.height, content.keys
    # An attempt that was killed has left a part of the set.
    needed = whole * (1 - online_store.count_rows(redis, feature_set) / keys)
    if needed > limit - used:
        raise BadSetting(
            f"REDIS_MAXMEMORY: the feature set needs {needed / MIB:.1f} MiB for {keys} keys, and of its {limit / MIB:.1f} MiB "
            f"Redis has {max(0, limit - used) / MIB:.1f} free; raise it, or lower KEEP_DEPLOYMENTS"
        )
    log.info("the feature set needs %.1f MiB; Redis has %.1f free", needed / MIB, (limit - used) / MIB)


def read_memory(redis: Redis) -> tuple[int, int]:
    """Return Redis's limit, 0 for none, and what it uses, in bytes."""
    memory: Any = redis.info("memory")
    return memory["maxmemory"], memory["used_memory"]


def estimate_bytes(redis: Redis, project: str, view: str, rows: pl.DataFrame) -> float:
    """Return the memory that the rows will take, by what Redis says (MEMORY USAGE) of some of them, written on trial."""
    if rows.is_empty():
        return 0
    probe = rows.sample(min(PROBED_ROWS, rows.height), seed=0)
    keys = render_keys(probe[rows.columns[0]], project)
    online_store.write_commands(redis, render_rows(probe, view, rows.columns[0], project), probe.height)
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.expire(key, PROBE_SECONDS)
            pipe.memory_usage(key, samples=0)
        pipe.unlink(*keys)
        sizes: list[int] = pipe.execute()[1:-1:2]
    return rows.height * (sum(sizes) / len(sizes) + TABLE_BYTES)
