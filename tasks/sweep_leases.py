"""Delete the leases of attempts that are gone.

Only tidies up: whoever wants the verb takes such a lease over at once. An attempt that works on though its session was
lost, since Postgres was started again, may not commit after this, and is tried again.
"""

import logging
from datetime import date

from tasks.command import main_without_lease
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease_row import delete_dead_rows
from tasks.settings import Settings

log = logging.getLogger("tasks.sweep_leases")


def run(settings: Settings, _: date) -> None:
    with connect(settings) as conn:
        deleted = delete_dead_rows(conn)
    for verb, holder in deleted:
        log.info("%s: the session of %s is gone", verb, holder)
    log.info("%d leases deleted", len(deleted))


if __name__ == "__main__":
    main_without_lease(run, __doc__)
