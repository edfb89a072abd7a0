"""Measures the build time and the size of the images."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import docker

from infra.compose.images import OURS
from infra.platform.layout import REPOSITORY

CODE = ("dags", "feature_repo", "infra", "serving", "tasks")


def build(repository: Path, version: str, flags: str = "") -> dict[str, float]:
    """Build all images from this checkout; return the seconds that each took."""
    seconds = {}
    for name in OURS:
        began = time.monotonic()
        subprocess.run(
            ["sh", "infra/images/build.sh", name],
            cwd=repository,
            env={**os.environ, "MARQUEE_VERSION": version, "BUILD_FLAGS": flags},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds[name] = round(time.monotonic() - began, 1)
    return seconds


def change_code(folder: Path) -> Path:
    """Copy the repository and change one line of every room's code; return the copy."""
    copy = folder / "changed"
    shutil.copytree(REPOSITORY, copy, ignore=shutil.ignore_patterns(".marquee", ".mypy_cache", ".pytest_cache", ".ruff_cache"))
    for room in CODE:
        first = min(path for path in (copy / room).rglob("*.py") if path.stat().st_size)
        first.write_text(first.read_text() + f"\n# changed at {time.time()}\n")
    return copy


def sizes(version: str) -> dict[str, int]:
    """Return MB (10^6 bytes) of each image, shared layers counted in each."""
    engine = docker.from_env()
    return {name: round(engine.images.get(f"marquee/{name}:{version}").attrs["Size"] / 1e6) for name in OURS}


def remove(version: str) -> None:
    """Remove the images of this version; the layers that others share stay."""
    engine = docker.from_env()
    for name in OURS:
        engine.images.remove(f"marquee/{name}:{version}")
