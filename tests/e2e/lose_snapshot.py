"""Builds the features once more, and removes the snapshot of the live ones. Runs in the tasks' environment."""

import json
import subprocess
import sys

from tasks.io.feast import offline_store
from tasks.settings import Settings
from tests.e2e.live import read_live_features


def remove_snapshot(snapshot_id: int) -> None:
    """Remove the tag of its build, then expire it, as a person does who wants the space back."""
    table = offline_store.open_table()
    assert table is not None
    (tag,) = [name for name, ref in table.refs().items() if ref.snapshot_id == snapshot_id]
    table.manage_snapshots().remove_tag(tag).commit()
    table.maintenance.expire_snapshots().by_id(snapshot_id).commit()


if __name__ == "__main__":
    live = read_live_features(Settings())
    subprocess.run([sys.executable, "-m", "tasks.build_features", "--day", live.day], check=True, capture_output=True)
    remove_snapshot(int(live.snapshot_id))
    json.dump(live.snapshot_id, sys.stdout)
