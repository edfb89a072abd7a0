"""Whether there is room, asked before anything is written."""

import shutil
from pathlib import Path

from infra.local.environments import Environments
from infra.platform.errors import StackError

GIGABYTE = 10**9
SIZES = {"airflow": 0.4, "tasks": 1.6, "mlflow": 1.0, "serving": 0.4, "dev": 2.1}
"""Gigabytes each environment takes, and some spare."""
FOR_DATA = 1.5
"""Gigabytes for the databases' own files and the sample's data; a real catalogue takes more as it grows."""


def check_disk(home: Path, environments: Environments, names: tuple[str, ...]) -> None:
    """Raise with one sentence if what is about to be installed and written will not fit."""
    wanted = FOR_DATA + sum(SIZES[name] for name in names if not environments.is_ready(name))
    free = shutil.disk_usage(home).free / GIGABYTE
    if free < wanted:
        raise StackError(
            f"The disk of {home} has {free:.1f} GB free and {wanted:.1f} GB are needed: free some, "
            f"or give MARQUEE_HOME a folder on another disk for the data."
        )
