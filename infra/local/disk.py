"""The check of free disk space, which runs before anything is written."""

import shutil
from pathlib import Path

from infra.local.environments import Environments
from infra.platform.errors import StackError

GIGABYTE = 10**9
SIZES = {"airflow": 0.4, "tasks": 1.6, "mlflow": 1.0, "serving": 0.4, "dev": 2.1}
"""Gigabytes that each environment needs, with some margin."""
DATA_SIZE = 1.5
"""Gigabytes for the databases' own files and the sample's data; real data take more."""


def check_disk(home: Path, environments: Environments, names: tuple[str, ...]) -> None:
    """Raise StackError if the environments to install and the data will not fit on the disk."""
    wanted = DATA_SIZE + sum(SIZES[name] for name in names if not environments.is_ready(name))
    free = shutil.disk_usage(home).free / GIGABYTE
    if free < wanted:
        raise StackError(
            f"The disk of {home} has {free:.1f} GB free and {wanted:.1f} GB are needed: free space, "
            f"or set MARQUEE_HOME to a folder on another disk."
        )
