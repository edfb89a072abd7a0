"""Faults under a load: each is caused and ended, and the answers are checked meanwhile and after."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tests.bench.load.background import GOOD, count_failures, put_load
from tests.bench.service import Service

FRESH, PREDICTION_SET = "fresh", "prediction_set"
MAX_P99_MS, MAX_RECOVERY_SECONDS = 150, 5
IN_FLIGHT_SECONDS = 0.3
"""Requests of one scene shall be answered before the next begins."""
LAST_SECONDS = 0.5
"""The end of a scene, in which every answer must be fresh."""
ROUNDING_TOLERANCE = 1.5e-4
"""One call of the model rates all movies; it may add the trees up in another order, and so round to the next decimal."""
Ratings = Mapping[str, Mapping[str, float]]
"""Each movie's expected rating, by the source that its answer names."""


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Scene:
    """One fault."""

    name: str
    break_it: Callable[[], object]
    mend_it: Callable[[], object]
    """Returns when the service is back."""
    must: Collection[str] = (FRESH,)
    """Sources that answers must name between the two."""
    may: Collection[str] = ()
    """Sources that they may name as well."""
    after: Callable[[], object] = nothing
    """More work before the next scene."""
    hold_seconds: float | None = None
    """Between the two, if the fault has a length of its own."""


@dataclass
class Played:
    """A scene's times in Unix seconds, its figures and its broken promises."""

    scene: Scene
    begun: float = 0
    returned: float = 0
    ended: float = 0
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def play(scene: Scene, hold_seconds: float, settle_seconds: float) -> Played:
    """Cause the fault, wait, end it, wait."""
    played = Played(scene, time.time())
    scene.break_it()
    time.sleep(scene.hold_seconds or hold_seconds)
    scene.mend_it()
    played.returned = time.time()
    time.sleep(settle_seconds)
    played.ended = time.time()
    time.sleep(IN_FLIGHT_SECONDS)
    scene.after()
    return played


def play_all(
    service: Service,
    scenes: Sequence[Scene],
    ratings: Ratings,
    folder: Path,
    *,
    rate: float,
    hold_seconds: float,
    settle_seconds: float = 6,
) -> list[Played]:
    """Play one scene after another under one load and check each; the last entry is of the whole."""
    before, begun = service.read_counters(), time.time()
    with put_load(service.port, ratings[FRESH], folder, rate=rate) as load:
        time.sleep(settle_seconds / 2)
        played = [play(scene, hold_seconds, settle_seconds) for scene in scenes]
        load.stop()
    for scene in played:
        check_scene(scene, load.records, ratings)
    whole = Played(Scene("all of it", nothing, nothing), begun, time.time(), time.time())
    whole.figures = describe(load.records)
    whole.broken = compare_metrics(load.records, service.read_counters() - before)
    return [*played, whole]


def describe(records: pl.DataFrame) -> dict[str, Any]:
    """Return counts and times of these records."""
    counts = records.group_by("status", "source").len().sort("len", descending=True).rows()
    latency = records["latency_us"].cast(pl.Float64)
    return {
        "answers": {f"{status} {source}".strip(): count for status, source, count in counts},
        "failed": records.filter(~GOOD).height,
        "p99_ms": round((latency.quantile(0.99, "higher") or 0) / 1000, 1),
        "max_ms": round((latency.quantile(1, "higher") or 0) / 1000, 1),
    }


def check_scene(played: Played, records: pl.DataFrame, ratings: Ratings) -> None:
    """Fill in the figures and the broken promises."""
    scene = played.scene
    whole = records.filter(pl.col("due").is_between(played.begun, played.ended))
    during = whole.filter(pl.col("due") < played.returned)
    after = whole.filter(pl.col("due") >= played.returned)
    last_fault = after.filter(~GOOD | (pl.col("source") != FRESH))["due"].max()
    recovery = round(float(last_fault) - played.returned, 2) if last_fault is not None else 0.0  # type: ignore[arg-type]  # of a column of floats
    played.figures = describe(during) | {"recovery_seconds": recovery, "other_rating": count_other(whole, ratings)}
    seen, expected = set(during["source"]), {*scene.must, *scene.may}
    played.broken = [
        *([f"failed: {count_failures(whole)}"] if whole.filter(~GOOD).height else []),
        *([f"no answer is labelled {sorted(set(scene.must) - seen)}"] if set(scene.must) - seen else []),
        *([f"answers are labelled {sorted(seen - expected)}"] if seen - expected else []),
        *(["ratings are not those of the movie and the label"] if played.figures["other_rating"] else []),
        *([f"fresh again only {recovery} s after the return"] if recovery > MAX_RECOVERY_SECONDS else []),
        *(["not fresh again when the next scene began"] if played.returned + recovery > played.ended - LAST_SECONDS else []),
    ]


def find_slow(played: Played) -> list[str]:
    """Return the broken promise about time; only a machine that does nothing else can keep it."""
    p99 = played.figures["p99_ms"]
    return [f"p99 is {p99} ms, more than {MAX_P99_MS}"] if p99 > MAX_P99_MS else []


def count_other(records: pl.DataFrame, ratings: Ratings) -> int:
    """Count the answers whose rating differs from their source's rating of the movie."""
    rows = records.filter(GOOD).select("source", "movie", "rating").rows()
    known = {FRESH: ratings[FRESH], "stale": ratings[FRESH], PREDICTION_SET: ratings[PREDICTION_SET]}
    return sum(1 for source, movie, rating in rows if abs(known[source][movie] - rating) > ROUNDING_TOLERANCE)


def compare_metrics(records: pl.DataFrame, counted: Mapping[str, int]) -> list[str]:
    """Return a broken promise unless the service's counters equal the outcomes that its callers got."""
    received = {f"marquee_predictions_total{{{source}}}": n for source, n in records.group_by("source").len().rows() if source}
    counts = {name: count for name, count in counted.items() if name.startswith("marquee_predictions_total") and count}
    return [] if counts == received else [f"the metric counts {counts}, callers got {received}"]
