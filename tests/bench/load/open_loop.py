"""A load that waits for nobody: GET /predict at a fixed rate, each request measured from the moment at which it was due.

    python -m tests.bench.load.open_loop --port 8000 --movies FILE --out FILE [--rate 1500] [--seconds 60] [--connections 64]

A request that finds every connection busy waits for one, and that wait counts: a server that stalls cannot hide behind
callers that stall with it. SIGTERM ends it early; what is under way is still waited for. Each request leaves a line of
COLUMNS in --out.
"""

import argparse
import asyncio
import gc
import random
import re
import selectors
import signal
import time
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tests.bench.answer_check import NOTHING, Verdict, judge

COLUMNS = ("due", "late_us", "latency_us", "status", "source", "version", "rating", "movie", "fault")
"""due: Unix seconds. late_us: from due until this program came to it. source: of a prediction; else the refusal's reason."""
HANG_SECONDS = 5.0
"""A request without an answer for so long is given up, and has failed."""
LOOK_SECONDS, AGAIN_SECONDS = 0.1, 0.02
"""Between two looks for requests that hang, and between two tries to connect."""
DIED, HANGS, NO_CONNECTION, NOT_HTTP = "died", "hangs", "no connection", "not HTTP"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")


class Asked(NamedTuple):
    """One request."""

    due: float
    """Of the loop's clock."""
    noticed: float
    movie: str


class Load:
    """The requests that are due, those that wait for a connection, and the connections."""

    def __init__(self, given: argparse.Namespace, out: TextIO) -> None:
        self.loop = asyncio.get_running_loop()
        self.port, self.out, self.rate, self.left = given.port, out, given.rate, round(given.rate * given.seconds)
        movies, port = given.movies.read_text().split(), given.port
        self.movies, self.random = movies, random.Random(5)
        self.requests = {m: f"GET /predict?movie_id={m} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for m in movies}
        self.waiting: deque[Asked] = deque()
        self.idle: deque[Connection] = deque()
        """The first is the one that has been idle longest, so that all of them, and all workers, get their share."""
        self.busy: set[Connection] = set()
        self.done = asyncio.Event()
        self.connections = given.connections
        self.tasks: set[asyncio.Task[None]] = set()
        self.began = self.loop.time()
        self.epoch = time.time() - self.began
        self.count = 0

    async def run(self) -> None:
        await asyncio.gather(*(self.connect() for _ in range(self.connections)))
        self.began = self.loop.time()
        self.spawn(self.look())
        self.tick()
        await self.done.wait()
        for task in self.tasks:
            task.cancel()
        for connection in (*self.idle, *self.busy):
            connection.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def connect(self) -> None:
        """Have one more connection; tries until there is one, or nobody needs it."""
        while not self.done.is_set():
            try:
                _, connection = await self.loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self.release(connection)
                return

    def tick(self) -> None:
        """Send what is due."""
        now = self.loop.time()
        while self.left and (due := self.began + self.count / self.rate) <= now:
            self.count += 1
            self.left -= 1
            movie = self.random.choice(self.movies)
            asked = Asked(due, now, movie)
            if self.idle:
                self.send(self.idle.popleft(), asked)
            else:
                self.waiting.append(asked)
        if self.left:
            self.loop.call_at(self.began + self.count / self.rate, self.tick)
        self.end_if_done()

    def end_if_done(self) -> None:
        if not (self.left or self.waiting or self.busy):
            self.done.set()

    def send(self, connection: "Connection", asked: Asked) -> None:
        connection.asked = asked
        self.busy.add(connection)
        connection.transport.write(self.requests[asked.movie])

    def release(self, connection: "Connection") -> None:
        """A connection is free: it takes the oldest request that waits."""
        self.busy.discard(connection)
        if self.waiting:
            self.send(connection, self.waiting.popleft())
        else:
            self.idle.append(connection)
            self.end_if_done()

    def lose(self, connection: "Connection") -> None:
        """A connection has ended: another takes its place."""
        self.busy.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self.spawn(self.connect())
        self.end_if_done()

    async def look(self) -> None:
        """Give up what hangs."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            oldest = self.loop.time() - HANG_SECONDS
            for connection in [each for each in self.busy if each.asked and each.asked.due < oldest]:
                connection.fail(HANGS)
            while self.waiting and self.waiting[0].due < oldest:
                self.note(self.waiting.popleft(), 0, NOTHING._replace(fault=NO_CONNECTION))

    def note(self, asked: Asked, status: int, verdict: Verdict) -> None:
        now = self.loop.time()
        late = asked.noticed - asked.due
        self.out.write(
            f"{self.epoch + asked.due:.6f}\t{late * 1e6:.0f}\t{(now - asked.due) * 1e6:.0f}\t{status}\t{verdict.source}"
            f"\t{verdict.version}\t{verdict.rating}\t{asked.movie}\t{verdict.fault}\n"
        )


class Connection(asyncio.Protocol):
    """One keep-alive connection, with at most one request on it."""

    transport: asyncio.Transport

    def __init__(self, load: Load) -> None:
        self.load, self.received, self.lost = load, b"", False
        self.asked: Asked | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.received[:end].lower()
        length = _LENGTH.search(head)
        if self.asked is None or length is None or not head.startswith(b"http/1.1 "):
            self.fail(NOT_HTTP)
            return
        body = self.received[end + 4 :]
        if len(body) < int(length[1]):
            return
        asked, self.asked, self.received = self.asked, None, b""
        status = int(head[9:12])
        self.load.note(asked, status, judge(status, head, body, asked.movie))
        if b"\r\nconnection: close" in head:
            self.close()
            self.load.lose(self)
        else:
            self.load.release(self)

    def fail(self, why: str) -> None:
        """End the connection, and with it the request on it."""
        if self.asked is not None:
            self.load.note(self.asked, 0, NOTHING._replace(fault=why))
            self.asked = None
        self.close()
        self.load.lose(self)

    def close(self) -> None:
        """End it from our side."""
        self.lost = True
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost:
            self.fail(DIED)


async def run(given: argparse.Namespace) -> None:
    """Ask until all was asked and answered."""
    with given.out.open("w", buffering=2**20) as out:
        out.write("\t".join(COLUMNS) + "\n")
        load = Load(given, out)
        load.loop.add_signal_handler(signal.SIGTERM, lambda: setattr(load, "left", 0))
        await load.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--movies", type=Path, required=True, help="a file with an id a line")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=1500, help="requests/s")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--connections", type=int, default=64)
    gc.disable()  # a pause of ours would look like one of the server's; nothing here makes cycles
    # Of the selectors, select alone can wait for less than a millisecond.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
