"""A soak of /predict: two workers under a steady load, their memory over time, and their receipts.

    python -m tests.bench.scenarios.soak [--seconds 600] [--rate 1500] [--connections 64]

Fails when any request fails, when p99 is above 15 ms, or when a receipt is missing. The slope of each worker's memory is by
least squares over all but the first part of the time. The figures are also in .marquee/bench/soak.json.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg

from tests.bench.load.background import BackgroundLoad, count_failures, put_load, summarize
from tests.bench.published_sample import publish_sample
from tests.bench.results import conclude, keep, keep_log, show
from tests.bench.service import Service
from tests.serving.servers import wait_until

MAX_P99_MS = 15
WARM_UP_SHARE, WARM_UP_SECONDS = 0.2, 60.0
"""Left out of the slope: this share of the time, at most so many seconds."""
RECEIPT_SECONDS = 30
MIB = 2**20


@dataclass
class Memory:
    """Resident memory of each worker over time."""

    seconds: list[float] = field(default_factory=list)
    mib: dict[int, list[float]] = field(default_factory=dict)
    """By the worker's process id."""

    def look(self, workers: Iterable[psutil.Process], now: float) -> None:
        self.seconds.append(now)
        for worker in workers:
            self.mib.setdefault(worker.pid, []).append(worker.memory_info().rss / MIB)

    def describe(self) -> dict[str, Any]:
        """Return first, last and highest MiB, and the slope in MiB an hour after the warm-up, of each worker."""
        seconds = np.array(self.seconds)
        warm = seconds >= min(WARM_UP_SHARE * seconds[-1], WARM_UP_SECONDS)
        return {
            f"worker {pid}": {
                "first_mib": round(mib[0], 1),
                "last_mib": round(mib[-1], 1),
                "highest_mib": round(max(mib), 1),
                "mib_per_hour": round(float(np.polyfit(seconds[warm], np.array(mib)[warm], 1)[0]) * 3600, 2),
            }
            for pid, mib in self.mib.items()
        }


def measure_start(service: Service) -> float:
    """Return seconds from the program's start to a worker with model and features, with the caches of an earlier run on disk."""
    service.stop()
    began = time.monotonic()
    service.start()
    wait_until(lambda: service.ask("/readyz")[1]["detail"] == "ready", what="the service being ready")
    return round(time.monotonic() - began, 2)


def count_receipts(url: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute("select count(*) from receipt").fetchone()
    assert row is not None
    return int(row[0])


def soak(service: Service, movies: Iterable[str], url: str, folder: Path, *, rate: float, seconds: float) -> dict[str, Any]:
    """Load the service and measure its memory each second; `url` is the receipts' database."""
    before, memory, began = count_receipts(url), Memory(), time.monotonic()
    workers = service.workers()
    with put_load(service.port, movies, folder, rate=rate, seconds=seconds) as load:
        while load.process.poll() is None:
            memory.look(workers, time.monotonic() - began)
            load.look()
            time.sleep(1)
        load.wait()
    return describe(load, memory, seconds) | describe_receipts(service, url, before, load)


def describe(load: BackgroundLoad, memory: Memory, seconds: float) -> dict[str, Any]:
    return {
        **summarize(load.records),
        "failures": count_failures(load.records),
        "client_cpu": round(load.cpu_seconds / seconds, 3),
        "load_average": psutil.getloadavg()[0],
        **memory.describe(),
    }


def describe_receipts(service: Service, url: str, before: int, load: BackgroundLoad) -> dict[str, Any]:
    """Wait until every answer has its receipt, or half a minute."""
    answers = load.records.filter(load.records["status"] == 200).height
    with suppress(AssertionError):  # the figures below show what is missing
        wait_until(lambda: count_receipts(url) - before >= answers, RECEIPT_SECONDS)
    counters = service.read_counters()
    return {
        "receipts_in_postgres": count_receipts(url) - before,
        "receipts_dropped": counters["marquee_receipts_dropped_total"],
    }


def find_broken(figures: dict[str, Any], *, timed: bool = True) -> list[str]:
    """Return the broken promises."""
    kept, answers = figures["receipts_in_postgres"], figures["requests"] - figures["failed"]
    return [
        *([f"{figures['failed']} requests failed: {figures['failures']}"] if figures["failed"] else []),
        *([f"p99 is {figures['p99_ms']} ms, more than {MAX_P99_MS}"] if timed and figures["p99_ms"] > MAX_P99_MS else []),
        *([f"{kept} receipts are kept of {answers} answers"] if kept != answers else []),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=1500, help="requests/s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, publish_sample(Path(folder) / "home") as published:
        service = Service(published.python["serving"], Path(folder) / "api", published.serving)
        try:
            service.start()
            service.wait_until_ready()
            start = {"start_to_ready_s": measure_start(service)}
            service.wait_until_ready()
            url = published.serving["RECEIPTS_DATABASE_URL"]
            figures = start | soak(service, published.rows, url, Path(folder), rate=arguments.rate, seconds=arguments.seconds)
        finally:
            service.stop()
            keep_log("soak", service.log)
    keep("soak", figures)
    show(figures)
    return conclude(find_broken(figures))


if __name__ == "__main__":
    sys.exit(main())
