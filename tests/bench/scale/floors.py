"""The floors and peers of ingest_imdb, on the same files in the same run."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.platform.layout import Layout
from tests.bench.imdb_files.slices import BASICS, FILES, NAMES, PRINCIPALS, RATINGS
from tests.bench.imdb_files.write import write_files
from tests.bench.scale.measure import run_measured

PEER_SCALE = 0.02
"""imdb-sqlite takes a minute for a million lines: it gets files of this scale at most, and its rate is compared."""
PEER_FILES = {BASICS: "titles", RATINGS: "ratings", PRINCIPALS: "crew", NAMES: "people"}
"""The files that imdb-sqlite reads, with its names of their tables; it leaves title.crew out."""


class Floors:
    """Measures one program after another. folder: for their files, which are removed with it."""

    def __init__(self, sources: Path, folder: Path) -> None:
        self._paths, self._sources, self._folder = [str(sources / name) for name in FILES], sources, folder

    def run(self, name: str, command: Sequence[str]) -> dict[str, Any]:
        """Return the usage of the program, and the last line that it printed as `result`."""
        log = self._folder / f"{name}.log"
        usage = run_measured(command, os.environ, log, self._folder / f"{name}.tmp")
        return {**asdict(usage), "result": log.read_text().rstrip().rpartition("\n")[2]}

    def measure_zcat(self) -> dict[str, Any]:
        return self.run("zcat", ["sh", "-c", 'zcat "$@" | wc -l', "sh", *self._paths])

    def measure_isal(self) -> dict[str, Any]:
        return self.run("isal", [sys.executable, "-m", "tests.bench.scale.inflate", *self._paths])

    def measure_duckdb(self) -> dict[str, Any]:
        database = str(self._folder / "peer.duckdb")
        figures = self.run("duckdb", [sys.executable, "-m", "tests.bench.scale.duckdb_reader", str(self._sources), database])
        Path(database).unlink()
        return {**figures, "result": json.loads(figures["result"])}

    def measure_imdb_sqlite(self, layout: Layout, scale: float, seed: int) -> dict[str, Any]:
        """Install it into an environment of its own and measure it; return why it is left out if it cannot be installed."""
        environment, sources = self._folder / "imdb_sqlite", self._folder / "peer"
        failure = install(layout, environment, "imdb-sqlite")
        if failure:
            return {"left_out": failure}
        peer_scale = min(scale, PEER_SCALE)
        written = write_files(sources, peer_scale, seed)
        lines = sum(written[name].lines for name in PEER_FILES)
        command = [str(environment / "bin" / "imdb-sqlite"), "--cache-dir", str(sources), "--only", ",".join(PEER_FILES.values())]
        figures = self.run("imdb_sqlite", [*command, "--db", str(self._folder / "peer.sqlite")])
        figures.pop("result")
        return {**figures, "scale": peer_scale, "lines": lines, "lines_per_second": lines / figures["wall_seconds"]}


def install(layout: Layout, environment: Path, package: str) -> str:
    """Install a package into a new environment; return why it failed, '' if it did not."""
    uv = str(layout.environments / "installer" / "bin" / "uv")
    for words in (
        ["venv", "--quiet", "--python", sys.executable, str(environment)],
        ["pip", "install", "--quiet", "--python", str(environment / "bin" / "python"), package],
    ):
        done = subprocess.run([uv, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{package} could not be installed: {done.stderr.strip()}"
    return ""
