"""Changes the length of every movie in Postgres, so that the next build has other features."""

import json
import sys

from tasks.io.postgres.connection import connect
from tasks.settings import Settings

if __name__ == "__main__":
    with connect(Settings()) as conn:
        changed = conn.execute("update movie set runtime_minutes = runtime_minutes + 15 where runtime_minutes is not null")
        json.dump(changed.rowcount, sys.stdout)
