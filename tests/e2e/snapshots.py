"""How many snapshots the offline store has, as JSON. Runs in the tasks' environment."""

import json
import sys

from tasks.io.feast import offline_store

if __name__ == "__main__":
    table = offline_store.open_table()
    json.dump({"snapshots": len(table.snapshots()) if table is not None else 0}, sys.stdout)
