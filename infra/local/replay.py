"""Predictions made again from their receipts: `python -m tasks.replay` in the tasks' environment."""

import os
import subprocess

from infra.platform.environment import base_variables, local_variables
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings


def run_replay(settings: Settings, secrets: Secrets, arguments: list[str]) -> int:
    """Run the verb and return its exit code."""
    command = [str(settings.layout.python("tasks")), "-m", "tasks.replay", *arguments]
    environment = {**base_variables(os.environ), **local_variables("tasks", settings, secrets)}
    return subprocess.run(command, env=environment, cwd=REPOSITORY, check=False).returncode
