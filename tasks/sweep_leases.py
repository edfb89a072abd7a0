"""Delete the leases of attempts whose session has ended.

This only tidies up: an attempt that needs such a lease takes it over at once. An attempt that is still running after it lost its
session, because Postgres was restarted, cannot commit after this, and Airflow tries it again.
"""

import logging

from tasks.command import main_without_lease
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease_row import delete_dead_rows
from tasks.settings import Settings

log = logging.getLogger("tasks.sweep_leases")


def run(settings: Settings) -> None:
    """Delete the rows of dead sessions and log them; a second run changes nothing."""
    with connect(settings) as conn:
        deleted = delete_dead_rows(conn)
    for verb, holder in deleted:
        log.info("%s: the session of %s has ended", verb, holder)
    log.info("%d leases deleted", len(deleted))


if __name__ == "__main__":
    main_without_lease(run, __doc__)
