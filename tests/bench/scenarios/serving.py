"""How fast /predict answers, beside what a user might pick instead: loaded with wrk in turns, in one run.

    python -m tests.bench.scenarios.serving [--rounds 5] [--seconds 5] [--without mlflow …]

Each server has one worker; random ids of published films over 1 and 32 connections. A ratio is the median of the ratios
of the rounds, Marquee's requests/s over the other's in the same round. Also in .marquee/bench: serving.json, serving.png.

fastapi_hello runs as uvicorn does by itself, which is with an access log; the next line is the same one without.
"""

import argparse
import json
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from infra.platform.layout import REPOSITORY
from tests.bench.load.closed_loop import Figures, Load, check_wrk, put_load, wait_until_answering
from tests.bench.peers.peers import MARQUEE, Contestant, line_up
from tests.bench.plots import draw
from tests.bench.published_world import publish_world
from tests.serving.servers import group_lives

CONNECTIONS = (32, 1)
WARM_UP_SECONDS = 2

Rounds = dict[str, list[Figures]]
"""Figures of each round, by contestant."""


def stop(one: Contestant) -> None:
    """End it, unless it ended by itself; then `start` has said why."""
    if group_lives(one.server.pid):
        one.server.stop()


def measure(contestants: list[Contestant], rounds: int, seconds: int) -> dict[int, Rounds]:
    """Load all in turns, round after round, over each number of connections."""
    found: dict[int, Rounds] = {connections: {one.name: [] for one in contestants} for connections in CONNECTIONS}
    for connections, figures in found.items():
        for one in contestants:
            put_load(one, Load(connections, WARM_UP_SECONDS))
        for _ in range(rounds):
            for one in contestants:
                figures[one.name].append(put_load(one, Load(connections, seconds)))
    return found


def compute_ratios(rounds: Rounds) -> dict[str, float]:
    """Marquee's requests/s over each other's, by the medians of the pairs."""
    ours = rounds[MARQUEE]
    return {
        name: statistics.median(
            mine.requests_per_second / other.requests_per_second for mine, other in zip(ours, theirs, strict=True)
        )
        for name, theirs in rounds.items()
        if name != MARQUEE
    }


def compute_medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    """The median of every figure, but the sum of what failed."""
    return {
        name: {key: statistics.median(asdict(one)[key] for one in figures) for key in asdict(figures[0])}
        | {"failed": sum(one.failed for one in figures)}
        for name, figures in rounds.items()
    }


def show(medians: dict[str, dict[str, float]], ratios: dict[str, float], connections: int) -> None:
    """Print one table."""
    print(f"\n{connections} connections          requests/s   p50 ms   p99 ms   CPU us   failed   load   Marquee is")  # noqa: T201
    for name, one in medians.items():
        times = f"{ratios[name]:8.2f} x" if name in ratios else ""
        print(  # noqa: T201  # the result
            f"{name:<26}{one['requests_per_second']:8.0f}{one['p50_ms']:9.2f}{one['p99_ms']:9.2f}"
            f"{one['cpu_us_per_request']:9.0f}{one['failed']:9.0f}{one['load_average']:7.1f}   {times}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="length of each load")
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out, by name")
    given = parser.parse_args()
    check_wrk()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, ExitStack() as ends:
        world = ends.enter_context(publish_world(Path(folder) / "home"))
        contestants = [one for one in line_up(world, Path(folder)) if one.name not in given.without]
        for one in contestants:
            ends.callback(stop, one)
            one.server.start()
            wait_until_answering(one)
        found = measure(contestants, given.rounds, given.seconds)
    medians = {connections: compute_medians(rounds) for connections, rounds in found.items()}
    ratios = {connections: compute_ratios(rounds) for connections, rounds in found.items()}
    for connections in CONNECTIONS:
        show(medians[connections], ratios[connections], connections)
    target = REPOSITORY / ".marquee" / "bench"
    target.mkdir(parents=True, exist_ok=True)
    result = {
        f"{key}_c{connections}": of[connections]
        for connections in CONNECTIONS
        for key, of in (("ratios", ratios), ("medians", medians))
    }
    (target / "serving.json").write_text(json.dumps(result, indent=1) + "\n")
    draw(medians[CONNECTIONS[0]], f"/predict, {CONNECTIONS[0]} connections, one worker each", target / "serving.png")


if __name__ == "__main__":
    main()
