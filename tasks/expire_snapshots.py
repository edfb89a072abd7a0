"""Expire snapshots of the offline store that nothing refers to, and remove the files that no snapshot refers to any more.

Keeps the current snapshot, those of the last KEEP_SNAPSHOT_DAYS days, of feature sets that are published, and of deployments that
are kept or were live in the last RECEIPTS_KEEP_DAYS days, since answers are replayed from them. No row is lost: the current
snapshot has all that were ever appended, and what was known on a day is read from it.
"""

import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from tasks.command import main_without_lease
from tasks.core.deployment.history import find_needed
from tasks.core.errors import Busy
from tasks.core.snapshot_retention import find_expired, find_unreferenced
from tasks.io.deployments.flip import LEASE
from tasks.io.feast import offline_cleaning, offline_store
from tasks.io.postgres import feature_sets
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import Lease, take
from tasks.settings import Settings

log = logging.getLogger("tasks.expire_snapshots")

WRITERS = ("build_features", "publish_features", LEASE)
"""The leases of the verbs that write the store or begin to refer to one of its snapshots."""

GRACE = timedelta(days=1)
"""How much longer than its receipts a snapshot is kept: an API may answer from a replaced deployment for a while."""

FILE_AGE = timedelta(days=1)
"""A file that nothing refers to is removed when it is older: much longer than a build writes files before it commits them."""


def run(settings: Settings) -> None:
    """Expire and remove; a second run with the same deployments changes nothing."""
    try:
        with ExitStack() as stack:
            leases = [stack.enter_context(take(settings, key)) for key in WRITERS]
            stack.enter_context(offline_store.reachable())
            clean(settings, leases[0])
    except Busy as error:
        log.info("left to the next run: %s", error)


def clean(settings: Settings, lease: Lease) -> None:
    table, now = offline_store.open_table(), datetime.now(UTC)
    if table is None:
        log.info("there is no offline store yet: nothing expires")
        return
    with connect(settings) as conn:
        deployments = find_needed(
            read_deployments(conn), settings.keep_deployments, now - timedelta(days=settings.receipts_keep_days) - GRACE
        )
        published = feature_sets.read_snapshot_ids(conn)
    snapshots, current = offline_cleaning.read_snapshots(table), table.current_snapshot()
    needed = {*published, *(deployment.snapshot_id for deployment in deployments)}
    before = now - timedelta(days=settings.keep_snapshot_days)
    expired = find_expired(snapshots, current.snapshot_id if current else None, needed, before)

    offline_cleaning.bound_metadata(table, lease)
    if expired:
        offline_cleaning.expire(table, expired, lease)
    for snapshot in expired:
        log.info("expired the snapshot %d of %s", snapshot.snapshot_id, snapshot.made_at.isoformat(timespec="seconds"))
    files = offline_cleaning.list_files(table)
    unreferenced = find_unreferenced(files, offline_cleaning.read_referenced(table.refresh()), now - FILE_AGE)
    with lease.held():
        pass  # nobody has taken over since, and so written what is not in this list
    offline_cleaning.remove_files(table, unreferenced)
    log.info(
        "%d of %d snapshots expired; removed %d of %d files, %.1f MB",
        *(len(expired), len(snapshots), len(unreferenced), len(files), sum(file.size for file in unreferenced) / 1e6),
    )


if __name__ == "__main__":
    main_without_lease(run, __doc__)
