"""The user commands that run in the tasks' environment: the feast CLI, replays and rollbacks."""

import os
import subprocess
from pathlib import Path

from infra.local.services.feast import FEATURE_REPO
from infra.platform.connections import read_live_project
from infra.platform.endpoints import Endpoints
from infra.platform.environment import base_variables, local_variables
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings


def feast_variables(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """Return the variables of the feast CLI: those of the tasks, with the live feature set as the project."""
    return {**local_variables("tasks", settings, endpoints), "FEAST_PROJECT": read_live_project(endpoints)}


def run_feast(settings: Settings, endpoints: Endpoints, arguments: list[str]) -> int:
    """Run the feast CLI in the feature repository and return its exit code."""
    feast = settings.layout.environments / "tasks" / "bin" / "feast"
    return run_here([str(feast), *arguments], feast_variables(settings, endpoints), FEATURE_REPO)


def run_verb(settings: Settings, endpoints: Endpoints, verb: str, arguments: list[str]) -> int:
    """Run `python -m tasks.<verb>` and return its exit code."""
    command = [str(settings.layout.python("tasks")), "-m", f"tasks.{verb}", *arguments]
    return run_here(command, local_variables("tasks", settings, endpoints), REPOSITORY)


def run_here(command: list[str], variables: dict[str, str], folder: Path) -> int:
    return subprocess.run(command, env={**base_variables(os.environ), **variables}, cwd=folder, check=False).returncode
