"""Measures the throughput of /predict and of alternative servers: wrk loads each in turn, in one run.

    python -m tests.bench.scenarios.serving [--rounds 5] [--seconds 5] [--without mlflow …]

Each server has one worker; random ids of published movies over 1 and 32 connections. A ratio is the median of the ratios
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
from tests.bench.peers.peers import MARQUEE, ComparedServer, describe_servers
from tests.bench.plots import draw
from tests.bench.published_sample import publish_sample
from tests.serving.servers import group_lives

CONNECTIONS = (32, 1)
WARM_UP_SECONDS = 2

Rounds = dict[str, list[Figures]]
"""Figures of each round, by server."""


def stop(server: ComparedServer) -> None:
    """End the server, unless it ended by itself; then `start` has raised the reason."""
    if group_lives(server.process.pid):
        server.process.stop()


def measure(servers: list[ComparedServer], rounds: int, seconds: int) -> dict[int, Rounds]:
    """Load all servers in turns, round after round, over each number of connections."""
    found: dict[int, Rounds] = {connections: {server.name: [] for server in servers} for connections in CONNECTIONS}
    for connections, figures in found.items():
        for server in servers:
            put_load(server, Load(connections, WARM_UP_SECONDS))
        for _ in range(rounds):
            for server in servers:
                figures[server.name].append(put_load(server, Load(connections, seconds)))
    return found


def compute_ratios(rounds: Rounds) -> dict[str, float]:
    """Return the median ratio of Marquee's requests/s to each other server's, by its name."""
    marquee = rounds[MARQUEE]
    return {
        name: statistics.median(
            own.requests_per_second / peer.requests_per_second for own, peer in zip(marquee, figures, strict=True)
        )
        for name, figures in rounds.items()
        if name != MARQUEE
    }


def compute_medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Return the median of every figure, and the sum of the failed requests."""
    return {
        name: {key: statistics.median(asdict(round_figures)[key] for round_figures in figures) for key in asdict(figures[0])}
        | {"failed": sum(round_figures.failed for round_figures in figures)}
        for name, figures in rounds.items()
    }


def show(medians: dict[str, dict[str, float]], ratios: dict[str, float], connections: int) -> None:
    """Print one table."""
    print(f"\n{connections} connections          requests/s   p50 ms   p99 ms   CPU us   failed   load   Marquee is")  # noqa: T201
    for name, median in medians.items():
        times = f"{ratios[name]:8.2f} x" if name in ratios else ""
        print(  # noqa: T201  # the result
            f"{name:<26}{median['requests_per_second']:8.0f}{median['p50_ms']:9.2f}{median['p99_ms']:9.2f}"
            f"{median['cpu_us_per_request']:9.0f}{median['failed']:9.0f}{median['load_average']:7.1f}   {times}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="length of each load")
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out, by name")
    arguments = parser.parse_args()
    check_wrk()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, ExitStack() as ends:
        published = ends.enter_context(publish_sample(Path(folder) / "home"))
        servers = [server for server in describe_servers(published, Path(folder)) if server.name not in arguments.without]
        for server in servers:
            ends.callback(stop, server)
            server.process.start()
            wait_until_answering(server)
        found = measure(servers, arguments.rounds, arguments.seconds)
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
