"""A whole platform of its own for a test: the `marquee` command in a home and on ports of its own."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import requests

from infra.cli.airflow_client import AirflowClient
from infra.local.stack import Stack
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings

UP_SECONDS = 1800
SAMPLE_FILMS = 3000
"""Of the platforms that are compared with each other."""


@dataclass(frozen=True)
class Platform:
    """Drives a platform as its users do, and reads its stores and processes."""

    settings: Settings
    first_output: str = ""
    """The output of the first `marquee up`."""

    def command(self, *words: str, seconds: float = UP_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run `marquee …` and return what it said; stdout and stderr in one."""
        return subprocess.run(
            ["sh", "infra/local/bootstrap.sh", *words],
            cwd=REPOSITORY,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        chosen = {name.upper(): str(value) for name, value in self.settings.model_dump(exclude_none=True).items()}
        return {**os.environ, **chosen}

    @property
    def airflow(self) -> AirflowClient:
        return AirflowClient(Stack.load(self.settings).endpoints)

    def ask(self, movie_id: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.settings.api_port}/predict", params={"movie_id": movie_id}, timeout=10)

    def run_in_tasks(self, module: str, *words: str) -> Any:
        """Run a module of this folder in the tasks' environment with the tasks' settings, and return the JSON that it prints."""
        stack = Stack.load(self.settings)
        done = subprocess.run(
            [str(stack.settings.layout.python("tasks")), "-m", f"tests.e2e.{module}", *words],
            cwd=REPOSITORY,
            env=stack.environment("tasks"),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def processes(self) -> list[psutil.Process]:
        """Every process that runs for this home, by its environment, command line or working directory, and their children.

        Airflow's processes write their titles over their environments: their parents tell whose they are.
        """
        home = str(self.settings.marquee_home)
        found = set[psutil.Process]()
        for process in psutil.process_iter():
            try:
                words = [*process.environ().values(), *process.cmdline(), process.cwd()]
                if process.pid != os.getpid() and any(home in word for word in words):
                    found |= {process, *process.children(recursive=True)}
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return list(found)

    def running_parts(self) -> dict[str, int]:
        """The pid of each part that supervisor runs."""
        parts = Stack.load(self.settings).supervisor.processes()
        return {name: process["pid"] for name, process in parts.items() if process["pid"]}

    def wait_until_well(self, limit: float) -> None:
        """Wait until `doctor` ends 0; fails with its table when that takes longer than `limit` seconds."""
        deadline = time.monotonic() + limit
        while (doctor := self.command("doctor")).returncode != 0:
            assert time.monotonic() < deadline, doctor.stdout


@contextmanager
def bring_up(home: Path, **overrides: Any) -> Iterator[Platform]:
    """An embedded platform in this home for the length of the block; nothing of it is left after."""
    platform = Platform(Settings.trial(home, **overrides))
    try:
        up = platform.command("up")
        assert up.returncode == 0, up.stdout
        yield replace(platform, first_output=up.stdout)
    finally:
        reset = platform.command("reset", "--yes")
        assert reset.returncode == 0, reset.stdout
