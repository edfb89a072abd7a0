"""The HTTP server: uvicorn with a shutdown that fails no request, and a SIGHUP that replaces the process in place.

uvicorn's supervisor can also replace its workers, but its parent process stays, so one worker would cost the memory of two
processes. Here the process starts a replacement on the same socket, drains, executes the new program with the same process id,
and drains the replacement when the new program answers.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import ServerState

from serving.process.http_protocol import ApiProtocol
from serving.process.listener import bind
from serving.process.worker_pipe import (
    CONTROL_PIPE,
    DRAIN_SECONDS,
    DRAINING,
    HEARTBEAT,
    LISTENER,
    METRICS_PIPE,
    READY,
    REPLACEMENT,
    Child,
    ControlPipe,
    inherited,
    program,
)
from serving.settings import Settings
from serving.telemetry.metrics_pipe import MetricsPublisher
from serving.telemetry.metrics_port import open_metrics_port
from serving.telemetry.process_metrics import ProcessMetrics

log = logging.getLogger("serving")

HEARTBEAT_TICKS = 20
"""Server ticks of 0.1 s between two heartbeats."""


class State(ServerState):
    """The state that all connections of one server share."""

    draining = False
    """True when the process is about to end."""
    is_last = False
    """True when no other process takes over, so that idle connections can be closed at once."""


class Server(uvicorn.Server):
    """A server that drains its connections when it ends. Without a parent, SIGHUP replaces it by the program on disk."""

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        pipe: ControlPipe | None,
        metrics: ProcessMetrics,
        publisher: MetricsPublisher | None,
    ) -> None:
        super().__init__(config)
        self.server_state: State = State()
        self.replacement: Child | None = None
        """Process that answers on the socket while this process executes the new program."""
        self._listener, self._pipe = listener, pipe
        self._metrics, self._publisher = metrics, publisher
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._pipe is not None:
            self._pipe.send(READY)
            self._pipe.on_end(self._drain)
            return
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin, self._roll_over)
        if REPLACEMENT in os.environ:
            self._begin(self._drain_replacement)

    async def on_tick(self, counter: int) -> bool:
        if self._pipe is not None and counter % HEARTBEAT_TICKS == 0:
            self._pipe.send(HEARTBEAT)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.server_state.draining = True  # also for a connection that is being accepted now
        self.server_state.is_last = self._pipe is None and self.replacement is None
        if self.replacement is None:  # uvicorn closes its duplicate; with both closed, new connections are refused at once
            self._listener.close()
        if self._pipe is not None:
            self._pipe.send(DRAINING)
        await super().shutdown(sockets)
        if self._publisher is not None:
            await asyncio.to_thread(self._publisher.push)
        for handler in logging.getLogger().handlers:
            handler.flush()  # uvicorn ends the process with the received signal, so Python's exit handlers do not run

    def _drain(self) -> None:
        self.should_exit = True

    def _begin(self, step: Callable[[], Coroutine[None, None, None]]) -> None:
        if self._tasks:
            log.info("a rollover is already in progress")
            return
        task = asyncio.get_running_loop().create_task(step())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _roll_over(self) -> None:
        """Start the replacement; drain when it answers."""
        log.info("rolling over: starting a replacement")
        child = Child.start(self._listener)
        if not await child.await_ready():
            code = await child.reap(DRAIN_SECONDS)
            child.metrics.close()
            log.error("the replacement ended with code %d before it answered; this process continues", code)
            return
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # stays ignored after exec, until the new program handles it
        self.replacement, self.should_exit = child, True

    async def _drain_replacement(self) -> None:
        """Drain the replacement, which answered while this process started."""
        pid, *files = map(int, os.environ.pop(REPLACEMENT).split(":"))
        pipe, metrics = (socket.socket(fileno=number) for number in files)
        child = Child(pid, pipe, metrics)
        for file in (pipe, metrics):
            file.set_inheritable(False)
        self._metrics.add(pid, child.metrics)
        child.drain()
        code = await child.reap(DRAIN_SECONDS + 5)
        await asyncio.to_thread(self._metrics.retire, pid)
        log.info("rolled over; the replacement ended with code %d", code)


def serve(app: ASGIApp, registry: CollectorRegistry, settings: Settings) -> int:
    """Serve until SIGTERM or the end of the control pipe. Return the exit code; raise OSError for a taken port."""
    listener = inherited(LISTENER) or bind(settings.api_host, settings.api_port)
    pipe = inherited(CONTROL_PIPE)
    metrics_pipe, metrics = inherited(METRICS_PIPE), ProcessMetrics(registry)
    if pipe is None:  # the parent's port serves the metrics of its children
        open_metrics_port(settings, metrics)
    server = Server(
        make_config(app, settings),
        listener,
        None if pipe is None else ControlPipe(pipe),
        metrics,
        None if metrics_pipe is None else MetricsPublisher(metrics_pipe, registry),
    )
    server.run([listener.dup()])
    if server.replacement is not None:
        execute_program(listener, server.replacement)
    return os.EX_OK if server.started else STARTUP_FAILURE


def make_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=ApiProtocol,
        interface="asgi3",  # set, because uvicorn would guess wrong: the application is not a coroutine function
        ws="none",
        lifespan="on",  # an error in it stops the start; `auto` would serve without the lifespan
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def execute_program(listener: socket.socket, replacement: Child) -> None:
    """Execute the current program on disk with the same process id, socket and replacement; never return."""
    listener.set_inheritable(True)
    for file in (replacement.pipe, replacement.metrics.pipe):
        file.set_inheritable(True)
    variables = {
        LISTENER: str(listener.fileno()),
        REPLACEMENT: f"{replacement.pid}:{replacement.pipe.fileno()}:{replacement.metrics.pipe.fileno()}",
    }
    logging.shutdown()  # queued lines would be lost with this program
    os.execve(sys.executable, program(), os.environ | variables)  # noqa: S606  # our own command line
