"""The servers that the tasks need, on a folder of IMDb's files, and each task measured as a process of its own."""

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import psutil

from infra.local.services.postgres_paths import remove_cluster
from infra.local.stack import Stack
from infra.platform.settings import Settings
from tests.bench.imdb_files.slices import FILES
from tests.bench.scale.measure import run_measured

SERVERS = ("postgres", "redis", "s3", "mlflow")
SOURCES = "sources"


class Clock(ThreadingHTTPServer):
    """Tells the tasks the day, at /world as the source server of the sample does, so that days pass in one run."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), DayHandler)
        self.day = datetime.now(UTC).date()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/world"


class DayHandler(BaseHTTPRequestHandler):
    """Answers every GET with the clock's day."""

    def do_GET(self) -> None:
        body = json.dumps({"day": cast(Clock, self.server).day.isoformat()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@dataclass
class ScalePlatform:
    """Runs tasks day by day and measures them."""

    stack: Stack
    folder: Path
    clock: Clock
    logs: list[Path] = field(default_factory=list)
    """Of the tasks so far, in their order."""

    @property
    def day(self) -> date:
        return self.clock.day

    def pass_day(self) -> None:
        self.clock.day += timedelta(days=1)

    def serve(self, files: Path) -> None:
        """Let the source server have these files from now on."""
        put_links(files, Path(self.stack.settings.sources) / "imdb")

    def run_task(self, verb: str, *words: str) -> dict[str, Any]:
        """Run `python -m tasks.<verb>` for the day; return what it used, and the processor time of the servers meanwhile."""
        name = f"{len(self.logs):02}-{verb}"
        environment = {**self.stack.environment("tasks"), "WORLD_URL": self.clock.url}
        command = [str(self.stack.settings.layout.python("tasks")), "-m", f"tasks.{verb}", *words, "--day", self.day.isoformat()]
        log = self.folder / f"{name}.log"
        self.logs.append(log)
        before = self.read_server_seconds()
        usage = run_measured(command, environment, log, self.folder / f"{name}.tmp")
        after = self.read_server_seconds()
        return {**asdict(usage), "server_seconds": {server: after[server] - seconds for server, seconds in before.items()}}

    def measure_start(self, verb: str) -> dict[str, Any]:
        """Return what `python -m tasks.<verb> --help` uses, which is the verb's imports."""
        log, command = self.folder / f"{verb}.log", [str(self.stack.settings.layout.python("tasks")), "-m", f"tasks.{verb}"]
        return asdict(run_measured([*command, "--help"], self.stack.environment("tasks"), log, self.folder / f"{verb}.tmp"))

    def read_server_seconds(self) -> dict[str, float]:
        """Return the processor seconds of each server so far, with those of its children, also of ended ones."""
        records = self.stack.supervisor.processes()
        return {name: count_seconds(int(records[name]["pid"])) for name in (*SERVERS, SOURCES)}


@contextmanager
def start_platform(folder: Path, files: Path, redis_memory: str) -> Iterator[ScalePlatform]:
    """Start the servers on these files; stop and remove everything at the end. redis_memory: as REDIS_MAXMEMORY."""
    sources, work = folder / "sources", folder / "work"
    for part in (sources / "imdb", sources / "tmdb", work):
        part.mkdir(parents=True)
    put_links(files, sources / "imdb")
    (sources / "tmdb" / "movies.jsonl.gz").write_bytes(gzip.compress(b"", mtime=0))  # TMDB is not measured here
    stack, clock = Stack.load(Settings.trial(folder / "home", sources=str(sources), redis_maxmemory=redis_memory)), Clock()
    thread = Thread(target=clock.serve_forever)
    thread.start()
    try:
        stack.start({*SERVERS, SOURCES})
        yield ScalePlatform(stack, work, clock)
    finally:
        clock.shutdown()
        clock.server_close()
        thread.join()
        stack.stop()
        remove_cluster(stack.settings.layout)


def put_links(files: Path, target: Path) -> None:
    """Make each of `target`'s files a link to that of `files`, in one step."""
    for name in FILES:
        link = target / f"{name}.new"
        link.symlink_to(files / name)
        os.replace(link, target / name)


def count_seconds(pid: int) -> float:
    """Return the processor seconds of a process and its descendants so far."""
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def join_logs(logs: Sequence[Path], target: Path) -> None:
    """Write the logs into one file, each under its name."""
    target.write_text("".join(f"== {log.stem}\n{log.read_text()}" for log in logs if log.exists()))
