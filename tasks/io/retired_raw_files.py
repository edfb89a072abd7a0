"""Removes from S3 the raw files of IMDb that no kept day has. TMDB's answers stay: they are small, and a day needs all before it.

The rows change first, so that no reader is led to a missing file; after a kill the next run repeats the removal.
"""

import logging

from tasks.core.deployment.history import find_kept
from tasks.core.raw_retention import find_kept_days, find_unneeded
from tasks.io.postgres import raw_objects
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import Lease
from tasks.io.s3.bucket import Bucket

log = logging.getLogger("tasks.retired_raw_files")


def remove_raw_files(lease: Lease, bucket: Bucket, keep_days: int, keep_deployments: int) -> None:
    """Keep the files of the newest days, of one day a month and of the days of kept deployments; remove the others."""
    with lease.held() as conn:
        versions = raw_objects.read_versions(conn)
        deployed = {deployment.day for deployment in find_kept(read_deployments(conn), keep_deployments)}
        kept = find_kept_days({version.day for version in versions}, keep_days, deployed)
        raw_objects.start_removal(conn, find_unneeded(versions, kept))
        unneeded = raw_objects.read_removals(conn)
    for raw_key in unneeded:
        bucket.delete(raw_key)
        with lease.held() as conn:
            raw_objects.mark_removed(conn, raw_key)
        log.info("removed s3://%s/%s, a file of days that are not kept any more", bucket.name, raw_key)
