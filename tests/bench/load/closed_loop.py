"""One load on one server: wrk's figures, and the processor time that the server's processes took for it."""

import http.client
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.peers.peers import ComparedServer
from tests.serving.servers import wait_until

SCRIPT = Path(__file__).parent / "requests.lua"
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Load:
    """The number of connections that send without a pause, and for how long."""

    connections: int
    seconds: int


@dataclass(frozen=True)
class Figures:
    """The measurements of one load."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_request: float
    """User and system time of the server and all its children."""
    failed: int
    load_average: float
    """Of the machine, over the last minute."""


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed, and the bench needs it: apt-get install wrk")


def wait_until_answering(server: ComparedServer) -> None:
    """Wait until the server answers the first of its requests with 200."""
    line = server.requests.open().readline().strip()

    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", server.process.port, timeout=TIMEOUT_SECONDS)
        try:
            if server.method == "GET":
                connection.request("GET", line)
            else:
                connection.request("POST", server.path, line, {"Content-Type": "application/json"})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False  # it is starting
        finally:
            connection.close()

    wait_until(answers, what=f"{server.name} answering 200 (see {server.process.log})")


def put_load(server: ComparedServer, load: Load) -> Figures:
    """Send the server's requests, in random order, over these connections."""
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    before = read_cpu_seconds(server.process.pid)
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), server.url, "--", server.method, str(server.requests)],
        capture_output=True,
        text=True,
        check=True,
    )
    busy = read_cpu_seconds(server.process.pid) - before
    output = json.loads(done.stdout.strip().splitlines()[-1])
    answered = max(1, output["requests"])
    return Figures(
        requests_per_second=answered / (output["microseconds"] / 1e6),
        p50_ms=output["p50"] / 1000,
        p99_ms=output["p99"] / 1000,
        cpu_us_per_request=busy / answered * 1e6,
        failed=output["failed"],
        load_average=psutil.getloadavg()[0],
    )


def read_cpu_seconds(pid: int) -> float:
    parent = psutil.Process(pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return sum(cpu.user + cpu.system for cpu in times)
