"""The platform in containers on the real movies: builds, sizes, start, memory, and the same result as the embedded one.

    python -m tests.bench.scenarios.containers [--cold] [--sources ../shared/data/sources]

--cold builds every layer of our images anew first; the bases' packages are fetched, so the network is part of that figure. Exits
1 when `doctor` finds a fault or the two platforms do not make the same tables, features and model of the same movies. The
figures are also in .marquee/bench/containers.json.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from infra.compose.images import run_script
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings
from tests.bench.image_builds import build, change_code, remove, sizes
from tests.bench.results import conclude, keep, show
from tests.containers.platform import ContainerPlatform
from tests.e2e.platform import Platform

VERSION, CHANGED = "bench", "bench-changed"
IDLE_SECONDS = 60


def measure_images(folder: Path, cold: bool) -> dict[str, Any]:
    """Return seconds and sizes of each image; warm is a build without changes, changed one after changes in all rooms."""
    run_script("bases/make.sh")
    found: dict[str, Any] = {"cold_s": build(REPOSITORY, VERSION, "--no-cache")} if cold else {}
    build(REPOSITORY, VERSION)
    found["warm_s"] = build(REPOSITORY, VERSION)
    found["changed_s"] = build(change_code(folder), CHANGED)
    remove(CHANGED)
    totals = {f"total_{name}": round(sum(seconds.values()), 1) for name, seconds in found.items()}
    return {**totals, **found, "sizes_mb": sizes(VERSION)}


def bring_up(platform: Platform, *words: str) -> float:
    """Return the seconds of `marquee up`, which ends with a prediction."""
    began = time.monotonic()
    up = platform.command("up", *words)
    if up.returncode:
        raise SystemExit(up.stdout)
    return round(time.monotonic() - began, 1)


def read_memory(platform: ContainerPlatform) -> dict[str, int]:
    """Return MiB of each running container, counted as `docker stats` does, without reclaimable page cache."""
    found = {}
    for name, row in platform.containers.inspect().items():
        if row["State"] != "running":
            continue
        stats = platform.engine.api.stats(row["ID"], stream=False)["memory_stats"]
        found[name] = round((stats["usage"] - stats["stats"].get("inactive_file", 0)) / 2**20)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--sources", type=Path, default=REPOSITORY.parent / "shared" / "data" / "sources")
    arguments = parser.parse_args()
    broken = []
    os.environ |= {"COMPOSE_PROJECT_NAME": f"marquee-bench-{os.getpid()}", "MARQUEE_VERSION": VERSION}
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as name:
        folder = Path(name)
        figures = measure_images(folder, arguments.cold)
        sources = str(arguments.sources.resolve())
        containers = ContainerPlatform(Settings.trial(folder / "containers", sources=sources))
        platforms: list[Platform] = [containers]
        try:
            figures["up_docker_s"] = bring_up(containers, "--docker")
            doctor = containers.command("doctor")
            if doctor.returncode:
                broken.append(f"doctor finds a fault:\n{doctor.stdout}")
            time.sleep(IDLE_SECONDS)
            memory = read_memory(containers)
            figures |= {"idle_total_mib": sum(memory.values()), "containers": len(memory), "idle_mib": memory}
            embedded = Platform(Settings.trial(folder / "embedded", sources=sources))  # on ports that are free by now
            platforms.append(embedded)
            figures["up_embedded_s"] = bring_up(embedded)
            made, expected = containers.run_in_tasks("fingerprint"), embedded.run_in_tasks("fingerprint")
            figures["fingerprint"] = made
            broken += [
                f"{part} differ: {made[part]} is not {expected[part]}" for part in expected if made[part] != expected[part]
            ]
        finally:
            for platform in platforms:
                reset = platform.command("reset", "--yes")
                if reset.returncode:
                    broken.append(reset.stdout)
    keep("containers", figures)
    show(figures)
    return conclude(broken)


if __name__ == "__main__":
    sys.exit(main())
