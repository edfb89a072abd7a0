"""The open loop in a process of its own, beside the test that causes faults; its records as a table."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil

from tests.bench.load.open_loop import COLUMNS, HANG_SECONDS
from tests.serving.servers import REPOSITORY

TEXTS, WHOLE = ("source", "version", "movie", "fault"), ("late_us", "latency_us", "status")
SCHEMA = {name: pl.Utf8 if name in TEXTS else pl.Int64 if name in WHOLE else pl.Float64 for name in COLUMNS}
GOOD = (pl.col("status") == 200) & (pl.col("fault") == "")


@dataclass
class BackgroundLoad:
    """A running load; `records` is filled when it has ended."""

    process: subprocess.Popen[bytes]
    out: Path
    records: pl.DataFrame
    cpu_seconds: float = 0

    def wait(self) -> None:
        """Wait until every request was sent and answered."""
        while self.process.poll() is None:
            self.look()
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                continue
        assert self.process.returncode == 0, f"the load ended with {self.process.returncode}"
        self.records = pl.read_csv(self.out, separator="\t", schema=SCHEMA).with_columns(pl.col(TEXTS).fill_null(""))

    def look(self) -> None:
        """Note the processor time that the load took so far."""
        try:
            times = psutil.Process(self.process.pid).cpu_times()
            self.cpu_seconds = times.user + times.system
        except psutil.Error:
            return  # it has just ended

    def stop(self) -> None:
        """Send nothing more; wait for the answers under way."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(2 * HANG_SECONDS)
        self.wait()


@contextmanager
def put_load(
    port: int, movies: Iterable[str], folder: Path, *, rate: float, seconds: float = 3600, connections: int = 64
) -> Iterator[BackgroundLoad]:
    """Start a load; its records exist only after `wait` or `stop`."""
    folder.mkdir(parents=True, exist_ok=True)
    ids, out = folder / "movies", folder / "records.tsv"
    ids.write_text("".join(f"{movie}\n" for movie in movies))
    options = {"port": port, "movies": ids, "out": out, "rate": rate, "seconds": seconds, "connections": connections}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.load.open_loop", *words], cwd=REPOSITORY)
    try:
        yield BackgroundLoad(process, out, pl.DataFrame(schema=SCHEMA))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def summarize(records: pl.DataFrame) -> dict[str, float]:
    """Return counts, and times in ms; `failed` counts answers that are not a labelled prediction of the requested movie."""
    times = {
        f"{name}_ms": records[column].quantile(share, "higher")
        for name, column, share in (
            ("p50", "latency_us", 0.5),
            ("p99", "latency_us", 0.99),
            ("max", "latency_us", 1.0),
            ("client_late_p99", "late_us", 0.99),
        )
    }
    counts = {"requests": records.height, "failed": records.filter(~GOOD).height}
    return counts | {name: round((value or 0) / 1000, 3) for name, value in times.items()}


def count_failures(records: pl.DataFrame) -> dict[str, int]:
    """Count the failed answers by status, reason and fault."""
    bad = records.filter(~GOOD).group_by("status", "source", "fault").len().sort("len", descending=True)
    return {f"{status} {source} {fault}".strip(): count for status, source, fault, count in bad.rows()}
