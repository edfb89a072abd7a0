"""The HTTP server: uvicorn's, with an end that fails no request, and a SIGHUP that starts the one process anew in its own place.

uvicorn's supervisor rolls its workers over too, but it is a parent that stays: one worker would cost the memory of two
processes. Here the one process starts a stand-in on the same socket, drains, becomes the new program under its old process
id, and dismisses the stand-in once it answers again.
"""

import asyncio
import logging
import os
import signal
import socket
import sys

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import ServerState

from serving.process.http_protocol import ApiProtocol
from serving.process.listener import bind
from serving.process.worker_pipe import (
    DRAIN_SECONDS,
    LEAVES,
    LINE,
    LISTENER,
    READY,
    STAND_IN,
    TURNS,
    Child,
    ControlPipe,
    inherited,
    program,
)
from serving.settings import Settings
from serving.telemetry.metrics_port import open_metrics_port

log = logging.getLogger("serving")

BEAT_TICKS = 20
"""A sign of life at each 20th of the server's ticks of 0.1 s."""


class State(ServerState):
    """What the connections of one server share."""

    draining = False


class Server(uvicorn.Server):
    """Tells its connections to drain; on SIGHUP, where it is nobody's child, it makes room for its successor."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, line: ControlPipe | None) -> None:
        super().__init__(config)
        self.server_state: State = State()
        self.successor: Child | None = None
        """Answers on the socket while this process starts anew."""
        self._listener, self._line = listener, line
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._line is not None:
            self._line.say(READY)
            self._line.on_end(self._leave)
            return
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin, "roll over")
        if STAND_IN in os.environ:
            self._begin("dismiss")

    async def on_tick(self, counter: int) -> bool:
        if self._line is not None and counter % BEAT_TICKS == 0:
            self._line.say(TURNS)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.server_state.draining = True  # also for a connection that is accepted at this very moment
        if self._line is not None:
            self._line.say(LEAVES)
        await super().shutdown(sockets)
        for handler in logging.getLogger().handlers:
            handler.flush()  # uvicorn ends the process by the signal that it was sent, and Python does not get to do it

    def _leave(self) -> None:
        self.should_exit = True

    def _begin(self, what: str) -> None:
        if self._tasks:
            log.info("a rollover is under way already")
            return
        task = asyncio.get_running_loop().create_task(self._roll_over() if what == "roll over" else self._dismiss())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _roll_over(self) -> None:
        """Start the stand-in; once it answers, leave."""
        log.info("rolling over: starting a stand-in")
        child = Child.start(self._listener)
        if not await child.await_ready():
            code = await child.reap(DRAIN_SECONDS)
            log.error("the stand-in ended with code %d before it answered; this process goes on", code)
            return
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # outlives exec, until the new program listens for it
        self.successor, self.should_exit = child, True

    async def _dismiss(self) -> None:
        """Let the stand-in go that answered while this process started."""
        pid, line = os.environ.pop(STAND_IN).split(":")
        child = Child(int(pid), socket.socket(fileno=int(line)))
        child.line.set_inheritable(False)
        child.dismiss()
        log.info("rolled over; the stand-in ended with code %d", await child.reap(DRAIN_SECONDS + 5))


def serve(app: ASGIApp, registry: CollectorRegistry, settings: Settings) -> int:
    """Serve until SIGTERM, or until the other end of the line says so; returns the exit code. Raises OSError for a taken port."""
    listener = inherited(LISTENER) or bind(settings.api_host, settings.api_port)
    line = inherited(LINE)
    open_metrics_port(settings, registry)
    server = Server(make_config(app, settings), listener, None if line is None else ControlPipe(line))
    server.run([listener.dup()])
    if server.successor is not None:
        start_anew(listener, server.successor)
    return os.EX_OK if server.started else STARTUP_FAILURE


def make_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=ApiProtocol,
        interface="asgi3",  # not guessed: the application returns a coroutine and is no coroutine function
        ws="none",
        lifespan="on",  # a fault in it stops the start; `auto` would serve without what it opens
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def start_anew(listener: socket.socket, stand_in: Child) -> None:
    """Become the program as it is on disk now, with the same process id, socket and stand-in; never returns."""
    listener.set_inheritable(True)
    stand_in.line.set_inheritable(True)
    handed_on = {LISTENER: str(listener.fileno()), STAND_IN: f"{stand_in.pid}:{stand_in.line.fileno()}"}
    logging.shutdown()  # what is noted would be gone with this program
    os.execve(sys.executable, program(), os.environ | handed_on)  # noqa: S606  # our own command line
