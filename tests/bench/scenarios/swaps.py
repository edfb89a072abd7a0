"""Swaps the model and rolls the API over under load; no request may fail or get another version's rating.

    python -m tests.bench.scenarios.swaps [--requests 100000] [--rate 500] [--swaps 20]

Three versions whose ratings differ take turns; two times SIGHUP renews the API's workers. Fails when a request fails, when an
answer names a version that was not live within LAG_SECONDS before it, or has another rating than that version gives.
The figures are also in .marquee/bench/swaps.json.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tests.bench.deployer import Deployer
from tests.bench.load.background import GOOD, count_failures, put_load, summarize
from tests.bench.published_sample import publish_sample
from tests.bench.results import conclude, keep, keep_log, show
from tests.bench.service import Service
from tests.bench.versions import DECIMALS, Live, connect, rate, read_champion, register, shift

ROLLOVERS = 2
POLL_SECONDS = 1
LAG_SECONDS = 20
"""The live deployment is polled each second; what is not on disk is downloaded and tried first, by a process of its own."""
SHIFTS = (0.0, 0.25, 0.5)
ROUNDING_TOLERANCE = 1.5 * 10**-DECIMALS
"""A batch may add the trees up in another order than a single row, and so round to the next decimal."""
Ratings = Mapping[str, Mapping[str, float]]
"""By version and movie."""


def swap(
    service: Service, live: Live, ratings: Ratings, folder: Path, *, seconds: float, swaps: int, rate: float
) -> tuple[pl.DataFrame, int]:
    """Deploy versions in turn and roll over, evenly over the time; return the records and the number of finished rollovers."""
    versions, done = list(ratings), 0

    def roll_over() -> None:
        nonlocal done
        for _ in range(ROLLOVERS):
            time.sleep(seconds / (ROLLOVERS + 1))
            service.roll_over()
            done += 1

    roller = threading.Thread(target=roll_over)
    with put_load(service.port, next(iter(ratings.values())), folder, rate=rate, seconds=seconds) as load:
        roller.start()
        for turn in range(1, swaps + 1):
            time.sleep(seconds / (swaps + 1))
            live.move(versions[turn % len(versions)])
        load.wait()
        roller.join()
    return load.records, done


def find_wrong(records: pl.DataFrame, live: Live, ratings: Ratings) -> dict[str, int]:
    """Count answers of a version that was not live, and answers with another rating than their version gives."""
    counts = {"not_live": 0, "other_rating": 0}
    for due, latency, version, rating, movie in records.select("due", "latency_us", "version", "rating", "movie").rows():
        counts["not_live"] += not live.was_live(version, due - LAG_SECONDS, due + latency / 1e6)
        counts["other_rating"] += abs(ratings[version][movie] - rating) > ROUNDING_TOLERANCE if version in ratings else 1
    return counts


def find_lags(records: pl.DataFrame, live: Live) -> list[float]:
    """Return the seconds from each swap to the last answer of another version, for swaps that showed in an answer."""
    lags, ends = [], [*(began for began, _ in live.history[1:]), float("inf")]
    for (began, version), ended in list(zip(live.history, ends, strict=True))[1:]:
        within = records.filter(pl.col("due").is_between(began, ended))
        other = within.filter(pl.col("version") != version)["due"].max()
        last = within["due"].max()
        if last is not None and other != last:
            lags.append(round(float(other or began) - began, 2))  # type: ignore[arg-type]  # of a column of floats
    return lags


def describe(records: pl.DataFrame, live: Live, ratings: Ratings, rollovers: int) -> dict[str, Any]:
    good = records.filter(GOOD)
    fresh = good.filter(pl.col("source") != "prediction_set")
    return {
        **summarize(records),
        "failures": count_failures(records),
        "swaps": len(live.history) - 1,
        "rollovers": rollovers,
        "by_version": dict(sorted(good.group_by("version").len().rows())),
        "by_source": dict(sorted(good.group_by("source").len().rows())),
        **find_wrong(fresh, live, ratings),
        "lag_seconds": find_lags(fresh, live),
    }


def find_broken(figures: Mapping[str, Any], versions: Iterable[str]) -> list[str]:
    unseen = set(versions) - set(figures["by_version"])
    return [
        *([f"{figures['failed']} requests failed: {figures['failures']}"] if figures["failed"] else []),
        *([f"{figures['not_live']} answers are of a version that was not live"] if figures["not_live"] else []),
        *([f"{figures['other_rating']} ratings are not their version's"] if figures["other_rating"] else []),
        *([f"only {figures['rollovers']} rollovers ended"] if figures["rollovers"] != ROLLOVERS else []),
        *([f"versions {sorted(unseen)} never answered"] if unseen else []),
        *([f"answers by {figures['by_source']}, all services being healthy"] if set(figures["by_source"]) != {"fresh"} else []),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=500, help="requests/s")
    parser.add_argument("--swaps", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, publish_sample(Path(folder) / "home") as published:
        client = connect(published.serving["MLFLOW_TRACKING_URI"])
        champion, model, release = read_champion(client)
        models = {champion: model}
        shifts: dict[str, float] = {}
        for points in SHIFTS[1:]:
            shifted = shift(model, points)
            version = register(client, shifted, release)
            models[version], shifts[version] = shifted, points
        ratings = {version: rate(model, published.rows) for version, model in models.items()}
        live = Live(Deployer(published.stack, published.serving["MLFLOW_TRACKING_URI"], shifts), [(0, champion)])
        environment = published.serving | {"DEPLOYMENT_POLL_SECONDS": str(POLL_SECONDS)}
        service = Service(published.python["serving"], Path(folder) / "api", environment)
        try:
            service.start()
            service.wait_until_ready()
            seconds = arguments.requests / arguments.rate
            records, rollovers = swap(
                service, live, ratings, Path(folder), seconds=seconds, swaps=arguments.swaps, rate=arguments.rate
            )
        finally:
            service.stop()
            keep_log("swaps", service.log)
    figures = describe(records, live, ratings, rollovers)
    keep("swaps", figures)
    show(figures)
    return conclude(find_broken(figures, ratings))


if __name__ == "__main__":
    sys.exit(main())
