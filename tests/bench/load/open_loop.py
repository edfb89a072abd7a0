"""A load that waits for no answer: GET /predict at a fixed rate, each request measured from the moment at which it was due.

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

from tests.bench.answer_check import NO_ANSWER, CheckedAnswer, check_answer

COLUMNS = ("due", "late_us", "latency_us", "status", "source", "version", "rating", "movie", "fault")
"""due: Unix seconds. late_us: from due until this program noticed it. source: of a prediction, else the error's reason."""
HANG_SECONDS = 5.0
"""A request without an answer for so long has failed."""
CHECK_SECONDS, RECONNECT_SECONDS = 0.1, 0.02
"""Between two checks for requests that hang, and between two tries to connect."""
DIED, HANGS, NO_CONNECTION, NOT_HTTP = "died", "hangs", "no connection", "not HTTP"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")


class DueRequest(NamedTuple):
    """A request that is due."""

    due: float
    """On the loop's clock."""
    noticed: float
    movie: str


class Load:
    """The requests that are due, those that wait for a connection, and the connections."""

    def __init__(self, arguments: argparse.Namespace, out: TextIO) -> None:
        self.loop = asyncio.get_running_loop()
        self.port, self.out, self.rate, self.left = arguments.port, out, arguments.rate, round(arguments.rate * arguments.seconds)
        movies, port = arguments.movies.read_text().split(), arguments.port
        self.movies, self.random = movies, random.Random(5)
        self.requests = {m: f"GET /predict?movie_id={m} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for m in movies}
        self.waiting: deque[DueRequest] = deque()
        self.idle: deque[Connection] = deque()
        """The first is the one that has been idle longest, so that all of them, and all workers, get their share."""
        self.busy: set[Connection] = set()
        self.done = asyncio.Event()
        self.connections = arguments.connections
        self.tasks: set[asyncio.Task[None]] = set()
        self.began = self.loop.time()
        self.epoch = time.time() - self.began
        self.count = 0

    async def run(self) -> None:
        await asyncio.gather(*(self.connect() for _ in range(self.connections)))
        self.began = self.loop.time()
        self.spawn(self.give_up_hanging())
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
        """Open one more connection; try until it is open, or the load has ended."""
        while not self.done.is_set():
            try:
                _, connection = await self.loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                self.release(connection)
                return

    def tick(self) -> None:
        """Send the requests that are due."""
        now = self.loop.time()
        while self.left and (due := self.began + self.count / self.rate) <= now:
            self.count += 1
            self.left -= 1
            movie = self.random.choice(self.movies)
            request = DueRequest(due, now, movie)
            if self.idle:
                self.send(self.idle.popleft(), request)
            else:
                self.waiting.append(request)
        if self.left:
            self.loop.call_at(self.began + self.count / self.rate, self.tick)
        self.end_if_done()

    def end_if_done(self) -> None:
        if not (self.left or self.waiting or self.busy):
            self.done.set()

    def send(self, connection: "Connection", request: DueRequest) -> None:
        connection.request = request
        self.busy.add(connection)
        connection.transport.write(self.requests[request.movie])

    def release(self, connection: "Connection") -> None:
        """Give a free connection the oldest waiting request."""
        self.busy.discard(connection)
        if self.waiting:
            self.send(connection, self.waiting.popleft())
        else:
            self.idle.append(connection)
            self.end_if_done()

    def lose(self, connection: "Connection") -> None:
        """Replace a connection that has ended."""
        self.busy.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self.spawn(self.connect())
        self.end_if_done()

    async def give_up_hanging(self) -> None:
        """Record requests that hang as failed."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            oldest = self.loop.time() - HANG_SECONDS
            for connection in [busy for busy in self.busy if busy.request and busy.request.due < oldest]:
                connection.fail(HANGS)
            while self.waiting and self.waiting[0].due < oldest:
                self.record(self.waiting.popleft(), 0, NO_ANSWER._replace(fault=NO_CONNECTION))

    def record(self, request: DueRequest, status: int, checked: CheckedAnswer) -> None:
        now = self.loop.time()
        late = request.noticed - request.due
        self.out.write(
            f"{self.epoch + request.due:.6f}\t{late * 1e6:.0f}\t{(now - request.due) * 1e6:.0f}\t{status}\t{checked.source}"
            f"\t{checked.version}\t{checked.rating}\t{request.movie}\t{checked.fault}\n"
        )


class Connection(asyncio.Protocol):
    """One keep-alive connection, with at most one request on it."""

    transport: asyncio.Transport

    def __init__(self, load: Load) -> None:
        self.load, self.received, self.lost = load, b"", False
        self.request: DueRequest | None = None

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
        if self.request is None or length is None or not head.startswith(b"http/1.1 "):
            self.fail(NOT_HTTP)
            return
        body = self.received[end + 4 :]
        if len(body) < int(length[1]):
            return
        request, self.request, self.received = self.request, None, b""
        status = int(head[9:12])
        self.load.record(request, status, check_answer(status, head, body, request.movie))
        if b"\r\nconnection: close" in head:
            self.close()
            self.load.lose(self)
        else:
            self.load.release(self)

    def fail(self, fault: str) -> None:
        """End the connection, and with it the request on it."""
        if self.request is not None:
            self.load.record(self.request, 0, NO_ANSWER._replace(fault=fault))
            self.request = None
        self.close()
        self.load.lose(self)

    def close(self) -> None:
        """Abort the connection."""
        self.lost = True
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost:
            self.fail(DIED)


async def run(arguments: argparse.Namespace) -> None:
    """Send every request and wait for its answer."""
    with arguments.out.open("w", buffering=2**20) as out:
        out.write("\t".join(COLUMNS) + "\n")
        load = Load(arguments, out)
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
    gc.disable()  # its pauses would look like pauses of the server; nothing here makes cycles
    # Of the selectors, select alone can wait for less than a millisecond.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
