"""Remove training runs and model versions that nothing refers to any more from MLflow, with their artifacts.

Keeps the newest KEEP_TRAINING_RUNS runs, and those of versions that the last KEEP_DEPLOYMENTS deployments have, that were live in
the last RECEIPTS_KEEP_DAYS days, since answers are replayed from them, or that an alias names. Runs that a person has deleted
count as the others. Other experiments and models are left alone.
"""

import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from tasks.command import main_without_lease
from tasks.core.deployment.history import find_needed
from tasks.core.errors import BadSetting, Busy
from tasks.core.model_retention import find_unneeded
from tasks.io.deployments.flip import LEASE
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import Lease, take
from tasks.settings import Settings

log = logging.getLogger("tasks.remove_training_runs")

WRITERS = (LEASE, "train_model", "predict_all")
"""The leases of the verbs that make and deploy versions: while this verb holds them, nobody chooses a version that it removes."""

MAX_RUNS = 50
"""Runs that are removed at once, in about a minute, because no deployment can be made meanwhile. The next run continues."""

GRACE = timedelta(days=1)
"""How much longer than its receipts a version is kept: an API may answer from a replaced deployment for a while."""


def run(settings: Settings) -> None:
    """Remove unneeded runs, the oldest first; a second run changes nothing."""
    if settings.mlflow_database_url is None:
        raise BadSetting("MLFLOW_DATABASE_URL is not set: it names MLflow's database, from which removed runs are deleted")
    try:
        with ExitStack() as stack:
            leases = [stack.enter_context(take(settings, key)) for key in WRITERS]
            remove_unneeded(settings, settings.mlflow_database_url.get_secret_value(), leases[0])
    except Busy as error:
        log.info("left to the next run: %s", error)


def remove_unneeded(settings: Settings, database_url: str, lease: Lease) -> None:
    from tasks.io.mlflow import removal  # noqa: PLC0415  # loads MLflow's own store, which takes seconds

    since = datetime.now(UTC) - timedelta(days=settings.receipts_keep_days) - GRACE
    with connect(settings) as conn:
        deployments = find_needed(read_deployments(conn), settings.keep_deployments, since)
    with registry.connect(settings.mlflow_tracking_uri) as client:
        needed = {deployment.model_version for deployment in deployments} | registry.read_aliased(client)
        runs = removal.read_runs(client)
        unneeded = find_unneeded(runs, settings.keep_training_runs, needed)
        store = removal.open_store(database_url) if unneeded else None
        for training in unneeded[:MAX_RUNS] if store else []:
            with lease.held():
                removal.remove_run(client, store, training)
            log.info("removed the run %s of version %s", training.run_id, ", ".join(training.versions) or "none")
    log.info("removed %d of %d runs; %d more are due", min(len(unneeded), MAX_RUNS), len(runs), max(len(unneeded) - MAX_RUNS, 0))


if __name__ == "__main__":
    main_without_lease(run, __doc__)
