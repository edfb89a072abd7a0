"""The Python environments: uv builds each from its lock with hashes, and builds it again when the lock changes."""

import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, Layout, read_state, write_state
from infra.platform.progress import Progress

PLATFORM = ("airflow", "tasks", "mlflow", "serving")
AT_ONCE = 2
"""Builds that run in parallel; more would only wait for the disk."""


@dataclass(frozen=True)
class Environments:
    """The environments of the repository."""

    layout: Layout

    def lock(self, name: str) -> Path:
        return REPOSITORY / "requirements.txt" if name == "dev" else REPOSITORY / "infra" / "locks" / f"{name}.txt"

    def wanted(self, name: str) -> str:
        """Return the stamp that the environment should have: a hash of its lock and its path, since it cannot be moved.

        The path is the real one: working trees that share one .marquee by a link would else rebuild it for one another, under
        programs that run in it.
        """
        content = self.lock(name).read_bytes() + str((self.layout.environments / name).resolve()).encode()
        return hashlib.sha256(content).hexdigest()

    def stamp(self, name: str) -> str:
        """Return the stamp that the environment has; empty if it is missing or incomplete."""
        return read_state(self.layout.environments / name / "stamp")

    def is_ready(self, name: str) -> bool:
        return self.stamp(name) == self.wanted(name) and self.layout.python(name).exists()

    def install(self, names: tuple[str, ...], progress: Progress) -> None:
        """Build the environments that are missing or outdated, AT_ONCE at a time."""
        missing = [name for name in names if not self.is_ready(name)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name in missing:
                progress.begin(f"env {name}", "installing")
            builds = {pool.submit(self.build, name): name for name in missing}
            try:
                for build in as_completed(builds):
                    build.result()
                    progress.end(f"env {builds[build]}", "installed")
            except StackError:
                pool.shutdown(cancel_futures=True)
                raise

    def build(self, name: str) -> None:
        """Build one environment in place. The stamp is written last, so an interrupted build is detected and repeated."""
        folder = self.layout.environments / name
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(self.layout.environments / "installer" / "bin" / "uv")
        python = str(self.layout.python("installer").resolve())
        run_uv(name, [uv, "venv", "--quiet", "--no-config", "--python", python, str(folder)])
        # Without --compile-bytecode: most files are never imported, and Python compiles the others at their first import.
        options = ["--require-hashes", "--no-config", "--quiet", "--requirements", str(self.lock(name))]
        run_uv(name, [uv, "pip", "install", "--python", str(self.layout.python(name)), *options])
        write_state(folder / "stamp", self.wanted(name))


def run_uv(name: str, command: list[str]) -> None:
    """Run uv. Raise StackError with its last lines if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise StackError(
            f"The environment {name} could not be installed; fix the cause, then repeat the command. uv's last lines:\n{last}"
        )
