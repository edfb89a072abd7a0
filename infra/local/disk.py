"""The check of free disk space, before anything is written."""

import shutil
from pathlib import Path

from infra.local.environments import Environments
from infra.platform.errors import StackError

GIGABYTE = 10**9
SIZES = {"airflow": 0.4, "tasks": 1.6, "mlflow": 1.0, "serving": 0.4, "dev": 2.1}
"""Gigabytes of each environment, with some spare."""
DATA_SIZE = 1.5
"""Gigabytes for the databases' own files and the sample's data; a real catalogue takes more as it grows."""


def check_disk(home: Path, environments: Environments, names: tuple[str, ...]) -> None:
    """Raise if the environments to be installed and the data will not fit on the disk."""
    wanted = DATA_SIZE + sum(SIZES[name] for name in names if not environments.is_ready(name))
    free = shutil.disk_usage(home).free / GIGABYTE
    if free < wanted:
        raise StackError(
            f"The disk of {home} has {free:.1f} GB free and {wanted:.1f} GB are needed: free some, "
            f"or give MARQUEE_HOME a folder on another disk for the data."
        )
