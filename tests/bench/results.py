"""The results of a bench: its figures in files, and its list of broken promises."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.platform.layout import REPOSITORY


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Write the figures to .marquee/bench/<name>.json."""
    target = REPOSITORY / ".marquee" / "bench" / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=1) + "\n")


def keep_log(name: str, log: Path) -> None:
    """Copy a service's log beside the figures, whose folder outlives the run."""
    target = REPOSITORY / ".marquee" / "bench"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(log, target / f"{name}.log")


def show(figures: Mapping[str, object]) -> None:
    """Print the figures, one a line."""
    for name, figure in figures.items():
        print(f"{name:<28}{figure}")  # noqa: T201  # the result


def conclude(broken: Sequence[str]) -> int:
    """Print the broken promises; return the exit code."""
    for promise in broken:
        print(f"BROKEN: {promise}")  # noqa: T201  # the result
    if not broken:
        print("all promises were kept")  # noqa: T201
    return 1 if broken else 0
