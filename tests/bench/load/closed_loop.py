"""One load on one server: wrk's figures, and the processor time that the server's processes took for it."""

import http.client
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.peers.peers import Contestant
from tests.serving.servers import wait_until

SCRIPT = Path(__file__).parent / "requests.lua"
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Load:
    """How many connections ask without a pause, and how long."""

    connections: int
    seconds: int


@dataclass(frozen=True)
class Figures:
    """What one load measured."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_request: float
    """User and system time of the server and all its children."""
    failed: int
    load_average: float
    """Of the machine, over the last minute: what else it did."""


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed, and the bench needs it: apt-get install wrk")


def wait_until_answering(one: Contestant) -> None:
    """Wait until the first of its requests is answered with 200."""
    line = one.requests.open().readline().strip()

    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", one.server.port, timeout=TIMEOUT_SECONDS)
        try:
            if one.method == "GET":
                connection.request("GET", line)
            else:
                connection.request("POST", one.path, line, {"Content-Type": "application/json"})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False  # it is starting
        finally:
            connection.close()

    wait_until(answers, what=f"{one.name} answering 200 (see {one.server.log})")


def put_load(one: Contestant, load: Load) -> Figures:
    """Send its requests, at random, over these connections."""
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    before = read_cpu_seconds(one.server.pid)
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), one.url, "--", one.method, str(one.requests)], capture_output=True, text=True, check=True
    )
    busy = read_cpu_seconds(one.server.pid) - before
    said = json.loads(done.stdout.strip().splitlines()[-1])
    answered = max(1, said["requests"])
    return Figures(
        requests_per_second=answered / (said["microseconds"] / 1e6),
        p50_ms=said["p50"] / 1000,
        p99_ms=said["p99"] / 1000,
        cpu_us_per_request=busy / answered * 1e6,
        failed=said["failed"],
        load_average=psutil.getloadavg()[0],
    )


def read_cpu_seconds(pid: int) -> float:
    parent = psutil.Process(pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return sum(each.user + each.system for each in times)
